package campaign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// ErrState is wrapped by errors about what a campaign is told to go on from.
var ErrState = errors.New("cannot go on from this state")

const (
	stateFormat  = "lockstep-campaign"
	stateVersion = 1
)

// state is a file from which a campaign goes on. All of it but the summary must
// be the same as that of the campaign, or the seeds would not add up.
type state struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Build   string          `json:"build"` // of the code that ran the seeds
	Shape   scenarios.Shape `json:"shape"`
	Marks   []string        `json:"marks"`
	Start   uint64          `json:"start"`
	Shard   uint64          `json:"shard"`
	Shards  uint64          `json:"shards"`
	Guard   int             `json:"guard"`
	Summary Summary         `json:"summary"`
}

func (c *Campaign) state(build string, s *Summary) *state {
	return &state{
		Format: stateFormat, Version: stateVersion, Build: build, Shape: c.shape(), Marks: c.System.Marks, Start: c.Start,
		Shard: c.Shard, Shards: max(c.Shards, 1), Guard: c.Guard, Summary: *s,
	}
}

// WriteState keeps what the campaign has shown so far in a file, which is replaced
// as a whole. build names the code that has run it.
func (c *Campaign) WriteState(name, build string, s *Summary) error {
	data, err := json.MarshalIndent(c.state(build, s), "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // in vain when it has got its name
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// ReadState has the campaign go on from a file, if there is one. What the file
// says must be of the same campaign, run by the same build.
func (c *Campaign) ReadState(name, build string) error {
	was, err := loadState(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.state(build, &Summary{}).check(was); err != nil {
		return fmt.Errorf("%s: %w: %w; remove the file, or name another", name, ErrState, err)
	}
	c.Done = was.Summary
	return nil
}

func loadState(name string) (*state, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrState, err)
	}
	return &s, nil
}

// check says in what another state is not of the same campaign.
func (s *state) check(was *state) error {
	switch {
	case was.Format != stateFormat || was.Version != stateVersion:
		return fmt.Errorf("it is %q of version %d, want %q of version %d", was.Format, was.Version, stateFormat, stateVersion)
	case was.Build != s.Build:
		return fmt.Errorf("it is of build %s, this is %s", was.Build, s.Build)
	case was.Shape.System != s.Shape.System:
		return fmt.Errorf("it is of system %s, not of %s", was.Shape.System, s.Shape.System)
	case was.Shape.Profile != s.Shape.Profile:
		return fmt.Errorf("it is of profile %s, not of %s", was.Shape.Profile, s.Shape.Profile)
	case was.Start != s.Start:
		return fmt.Errorf("it begins with seed %d, not with %d", was.Start, s.Start)
	case was.Shard != s.Shard || was.Shards != s.Shards:
		return fmt.Errorf("it is of shard %d/%d, not of %d/%d", was.Shard, was.Shards, s.Shard, s.Shards)
	case was.Guard != s.Guard:
		return fmt.Errorf("it guards %d %% of the seeds, not %d", was.Guard, s.Guard)
	case !same(was.Shape, s.Shape):
		return errors.New("it is of plans of another shape: nodes, clients, operations, machines or definitions are different")
	case !same(was.Marks, s.Marks) || len(was.Summary.Marks) != len(s.Marks):
		return errors.New("it counts other marks")
	}
	return nil
}

// same compares what two values are in a file.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
