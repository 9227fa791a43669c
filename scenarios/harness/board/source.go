package board

import "time"

// Source is campaigns in progress in other processes, with the machines that run them. Its
// methods may be called from any goroutine.
type Source interface {
	// Running returns the campaigns, each under a name of its own.
	Running() []*Live

	// Workers returns the machines by name.
	Workers() []Worker
}

// Worker is a machine that runs seeds.
type Worker struct {
	Name  string    `json:"name"`
	Build string    `json:"build,omitempty"` // of its program; empty: it takes that of each campaign
	Now   string    `json:"now"`             // its last word on its work
	Heard time.Time `json:"heard"`           // when it said so
	Since time.Time `json:"since"`
	Seeds uint64    `json:"seeds"` // since then
	Jobs  uint64    `json:"jobs"`
}

// lives returns the campaigns in progress, that of this process first.
func (s *Server) lives() (list []*Live) {
	if s.config.Live != nil {
		list = append(list, s.config.Live)
	}
	if s.config.Source != nil {
		list = append(list, s.config.Source.Running()...)
	}
	return list
}

// workers returns the machines of the source.
func (s *Server) workers() []Worker {
	if s.config.Source == nil {
		return nil
	}
	return s.config.Source.Workers()
}
