package scenarios

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

func TestASystemIsValidated(t *testing.T) {
	sound := func() System {
		return System{
			Name: "my-system_2.0", About: "one line", Definitions: []fsm.Definition{fsm.Lifecycle()},
			Marks: []string{"a/b", "a/c"}, Requests: []string{"get", "put"}, New: func(*Plan) Run { return nil },
		}
	}
	s := sound()
	require.NoError(t, s.Validate())
	for want, edit := range map[string]func(*System){
		"invalid system: name: want one, which plans and commands give":                                                   func(s *System) { s.Name = "" },
		`invalid system my system: name: "my system": want letters, digits and - . _ only`:                                func(s *System) { s.Name = "my system" },
		"invalid system my-system_2.0: about: want one line":                                                              func(s *System) { s.About = "two\nlines" },
		"invalid system my-system_2.0: new: want a function that makes the Run of a plan":                                 func(s *System) { s.New = nil },
		`invalid system my-system_2.0: marks[1]: "a/b" is marks[0] already: want each once`:                               func(s *System) { s.Marks[1] = "a/b" },
		`invalid system my-system_2.0: marks[0]: "": want a word without spaces`:                                          func(s *System) { s.Marks[0] = "" },
		`invalid system my-system_2.0: requests[1]: "put it": want a word without spaces`:                                 func(s *System) { s.Requests[1] = "put it" },
		`invalid system my-system_2.0: requests[1]: "get" is requests[0] already: want each once`:                         func(s *System) { s.Requests[1] = "get" },
		`invalid system my-system_2.0: knobs[0]: x: min 2, max 1: want 0 or more, and no more than max`:                   func(s *System) { s.Knobs = []Knob{{Name: "x", Min: 2, Max: 1}} },
		`invalid system my-system_2.0: knobs[1]: "x" is knobs[0] already: want each once`:                                 func(s *System) { s.Knobs = []Knob{{Name: "x"}, {Name: "x"}} },
		"invalid system my-system_2.0: definitions: a system has a Workload or machines of definitions: want one of them": func(s *System) { s.Workload = machines{} },
		`invalid system my-system_2.0: definitions[1]: "lifecycle" is definitions[0] already: want each once`: func(s *System) {
			s.Definitions = append(s.Definitions, fsm.Lifecycle())
		},
	} {
		s := sound()
		edit(&s)
		err := s.Validate()
		require.EqualError(t, err, want)
		require.ErrorIs(t, err, ErrSystem)
	}
	s.Definitions[0].Initial = "nowhere"
	require.ErrorContains(t, s.Validate(), "invalid system my-system_2.0: definitions[0]: ")
}
