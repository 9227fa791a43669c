package fleet_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/stretchr/testify/require"
)

// A worker that accepts programs needs none of its own, and keeps them under their hashes.
// One that does not accept them leaves the campaign to it.
func TestAWorkerRunsTheProgramOfACampaign(t *testing.T) {
	f := newFleet(t, 40)
	f.queue, f.campaign.Program = fleet.NewMemory(), f.program.Hash
	require.NoError(t, fleet.SubmitProgram(t.Context(), f.queue, f.campaign, f.program))
	f.program = nil
	f.work("bob")
	f.accepted = &fleet.Accepted{Dir: filepath.Join(t.TempDir(), "programs"), Example: fleet.Program{Workers: 1}}
	f.work("ada")
	r := f.settled()
	require.EqualValues(t, 40, r.Seeds)
	require.Empty(t, r.Troubles)
	require.Equal(t, "ada", f.worksAt(fleet.RangeKind, "0"))
	info, err := os.Stat(filepath.Join(f.accepted.Dir, f.campaign.Program))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o500), info.Mode())
	require.Eventually(t, func() bool { return bytes.Contains(f.log.Bytes(), []byte("the queue does not have its program")) }, 10*time.Second, 10*time.Millisecond, "of bob")

	// The program goes with the last campaign that needs it.
	other := *f.campaign
	other.Name = "day"
	require.NoError(t, fleet.Submit(t.Context(), f.queue, &other))
	for _, name := range []string{"night", "day"} {
		_, err := f.queue.Program(t.Context(), other.Program)
		require.NoError(t, err)
		require.NoError(t, f.queue.Remove(t.Context(), name))
	}
	_, err = f.queue.Program(t.Context(), other.Program)
	require.ErrorIs(t, err, fleet.ErrNoProgram)
}

// otherPrograms has other bytes under each hash.
type otherPrograms struct{ fleet.Queue }

func (o otherPrograms) Program(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader([]byte("#!/bin/sh\ntouch ran\n"))), nil
}

// A program that is not the one of its hash is not run, wherever it comes from, and is not
// kept.
func TestAFalseProgramIsNotRun(t *testing.T) {
	f := newFleet(t, 20)
	f.campaign.Program = f.program.Hash
	memory := fleet.NewMemory()
	require.NoError(t, fleet.SubmitProgram(t.Context(), memory, f.campaign, f.program))
	f.queue, f.program = otherPrograms{memory}, nil
	dir := t.TempDir()
	f.accepted = &fleet.Accepted{Dir: dir, Example: fleet.Program{Workers: 1}}
	stop := f.workUntil("ada")
	require.Eventually(t, func() bool { return bytes.Contains(f.log.Bytes(), []byte("not the program of this hash")) }, 10*time.Second, 10*time.Millisecond)
	stop()
	kept, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, kept)
	require.Equal(t, 1, f.read().Left.Waiting)

	// A file in the directory that was changed is replaced.
	name := filepath.Join(dir, f.campaign.Program)
	require.NoError(t, os.WriteFile(name, []byte("#!/bin/sh\ntouch ran\n"), 0o500))
	f.queue = memory
	f.work("bob")
	require.EqualValues(t, 20, f.settled().Seeds)
}

func TestProgramsOfACampaignAreChecked(t *testing.T) {
	f := newFleet(t, 20)
	for _, hash := range []string{"x", f.program.Build, "0" + f.program.Hash[1:] + "0"} {
		f.campaign.Program = hash
		require.ErrorContains(t, f.campaign.Validate(), "want its SHA-256, which begins with the build")
	}
	f.campaign.Program, f.campaign.Commit = f.program.Hash, "HEAD"
	require.ErrorContains(t, f.campaign.Validate(), `commit "HEAD": want all 40 or 64 hexadecimal digits`)
}
