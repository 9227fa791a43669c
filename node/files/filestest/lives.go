package filestest

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// owner is what a node knows of its log over all its lives.
type owner struct {
	incarnation [16]byte // of the log it has spoken from
	boot        uint64   // the last it has spoken in
	written     []string // everything appended that may be there
	promised    int      // how many of them must be
}

// lives has a log live several lives that end between any two requests.
func lives(d *driver, c chance) {
	o := &owner{}
	for life := range 12 {
		log, was, err := wal.Recover(d.Dir(), o.identity(life))
		require.NoError(d, err)
		o.recovers(d, was)
		ends := make([]wal.LSN, len(was.Entries)) // of all entries; those recovered are durable when the log is ready
		under := 0                                // requests under way
		for range c.IntN(80) {
			for range c.IntN(4) {
				entry := fmt.Sprintf("life %d entry %d %s", life, len(o.written), c.data(900))
				ends = append(ends, log.Append([]byte(entry)))
				o.written = append(o.written, entry)
			}
			for _, r := range log.Take(nil) {
				d.Submit(r)
				under++
			}
			if under > 0 {
				token, err := d.Wait()
				require.NoError(d, err)
				log.Done(token, nil)
				require.NoError(d, log.Failed())
				under--
			}
			o.speaks(log, was, ends)
		}
		d.Crash()
	}
}

// identity is what a life wants if there is no log.
func (o *owner) identity(life int) wal.Identity {
	return wal.Identity{Cluster: [16]byte{1}, Node: 7, Incarnation: [16]byte{byte(life + 1)}}
}

// recovers checks what a life found: all that was promised, nothing that was
// never written, and no boot twice.
func (o *owner) recovers(d *driver, was wal.Recovered) {
	require.GreaterOrEqual(d, len(was.Entries), o.promised, "durable entries are lost")
	require.LessOrEqual(d, len(was.Entries), len(o.written))
	for i, entry := range was.Entries {
		require.Equal(d, o.written[i], string(entry))
	}
	require.Greater(d, was.Boot, o.boot)
	if o.boot > 0 {
		require.False(d, was.Formatted)
		require.Equal(d, o.incarnation, was.Identity.Incarnation)
	}
	o.written = o.written[:len(was.Entries)]
}

// speaks notes what the node may have said by now.
func (o *owner) speaks(log *wal.Log, was wal.Recovered, ends []wal.LSN) {
	if !log.Ready() {
		return
	}
	o.boot, o.incarnation = was.Boot, was.Identity.Incarnation
	for o.promised < len(ends) && ends[o.promised] <= log.Durable() {
		o.promised++
	}
}
