package wal_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// A log that begins with a high boot counts on from there, in every later life.
func TestFirstBoot(t *testing.T) {
	const first = 1<<64 - 1000
	disk := waltest.Disk{}
	for life := range uint64(3) {
		log, was, err := wal.Recover(disk, identity, wal.Options{Segment: 256, FirstBoot: first}, nil)
		require.NoError(t, err)
		require.Equal(t, first+life, was.Boot)
		require.Equal(t, life == 0, was.Fresh)
		for !log.Ready() {
			for _, r := range log.Take(nil) {
				disk.Execute(r)
				log.Done(r.Token, nil)
			}
		}
	}
}
