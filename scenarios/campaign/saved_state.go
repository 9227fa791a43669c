package campaign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// ErrState is wrapped by errors about the state that a campaign resumes from.
var ErrState = errors.New("cannot go on from this state")

// maxState bounds a state file, in bytes. One of a long campaign has some hundred kilobytes.
const maxState = 64 << 20

const (
	stateFormat  = "lockstep-campaign"
	stateVersion = 1
)

// savedState is a file from which a campaign resumes. Everything in it but the
// summary must be the same as in the campaign, or the seeds would not add up.
type savedState struct {
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

func (c *Campaign) savedState(build string, s *Summary) *savedState {
	return &savedState{
		Format: stateFormat, Version: stateVersion, Build: build, Shape: c.shape(), Marks: c.System.Marks, Start: c.Start,
		Shard: c.Shard, Shards: max(c.Shards, 1), Guard: c.Guard, Summary: *s,
	}
}

// WriteState saves the results of the campaign so far in a file, which it replaces
// atomically. build names the code that has run it.
func (c *Campaign) WriteState(name, build string, s *Summary) error {
	return c.savedState(build, s).write(name)
}

// write replaces a file atomically.
func (s *savedState) write(name string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // without effect after the rename
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

// ReadState resumes the campaign from a file, if there is one. The file must be of
// the same campaign and the same build.
func (c *Campaign) ReadState(name, build string) error {
	was, err := loadState(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.savedState(build, &Summary{}).checkSame(was); err != nil {
		return fmt.Errorf("%s: %w: %w; remove the file, or name another", name, ErrState, err)
	}
	if c.Trail != (was.Summary.Trail != nil) && was.Summary.Seeds > 0 {
		return fmt.Errorf("%s: %w: one of them keeps a trail, and the other does not; remove the file, or name another", name, ErrState)
	}
	c.Resume = was.Summary
	return nil
}

func loadState(name string) (*savedState, error) {
	data, err := input.ReadFile(name, maxState)
	if err != nil {
		return nil, err
	}
	return parseState(name, data)
}

// parseState parses a state file; name is what to call it in errors.
func parseState(name string, data []byte) (*savedState, error) {
	var s savedState
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrState, err)
	}
	if s.Format == stateFormat && (s.Shards == 0 || s.Shards > MaxShards || s.Shard >= s.Shards) {
		return nil, fmt.Errorf("%s: %w: it is of shard %d/%d: want at most %d shards, counted from 0", name, ErrState, s.Shard, s.Shards, MaxShards)
	}
	return &s, nil
}

// checkSame names the first difference from the campaign of another state.
func (s *savedState) checkSame(saved *savedState) error {
	switch {
	case saved.Format != stateFormat || saved.Version != stateVersion:
		return fmt.Errorf("it is %q of version %d, want %q of version %d", saved.Format, saved.Version, stateFormat, stateVersion)
	case saved.Build != s.Build:
		return fmt.Errorf("it is of build %s, this is %s", saved.Build, s.Build)
	case saved.Shape.System != s.Shape.System:
		return fmt.Errorf("it is of system %s, not of %s", saved.Shape.System, s.Shape.System)
	case saved.Shape.Profile != s.Shape.Profile:
		return fmt.Errorf("it is of profile %s, not of %s", saved.Shape.Profile, s.Shape.Profile)
	case saved.Start != s.Start:
		return fmt.Errorf("it begins with seed %d, not with %d", saved.Start, s.Start)
	case saved.Shard != s.Shard || saved.Shards != s.Shards:
		return fmt.Errorf("it is of shard %d/%d, not of %d/%d", saved.Shard, saved.Shards, s.Shard, s.Shards)
	case saved.Guard != s.Guard:
		return fmt.Errorf("it guards %d %% of the seeds, not %d", saved.Guard, s.Guard)
	case !sameJSON(saved.Shape, s.Shape):
		return errors.New("it is of plans of another shape: nodes, clients, operations, machines or definitions are different")
	case !sameJSON(saved.Marks, s.Marks) || len(saved.Summary.Marks) != len(s.Marks):
		return errors.New("it counts other marks")
	}
	return nil
}

// sameJSON compares the JSON forms of two values.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
