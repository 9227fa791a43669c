package filestest

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// logModel is a node's knowledge of its log over all its lives.
type logModel struct {
	incarnation [16]byte // of the log, once it was ready
	boot        uint64   // the last boot that was ready
	written     []entry  // all entries appended that may be in the log
	durable     int      // how many of written must be in the log
	firstKept   int      // index in written of the first entry not trimmed
}

// entry is an entry of a log and the position where it ends.
type entry struct {
	text string
	end  wal.LSN
}

// logOverCrashes runs a log for several lives, each with a crash between any two
// requests.
func logOverCrashes(d *driver, c random) {
	o := &logModel{}
	for life := range 12 {
		options := wal.Options{Segment: 256 << c.IntN(8)}
		var found []entry
		log, was, err := wal.Recover(d.Dir(), o.identity(life), options, func(payload []byte, end wal.LSN) error {
			found = append(found, entry{string(payload), end})
			return nil
		})
		require.NoError(d, err)
		o.requireRecovered(d, was, found)
		under := 0 // completions still awaited
		for range c.IntN(80) {
			for range c.IntN(4) {
				o.append(log, fmt.Sprintf("life %d entry %d %s", life, len(o.written), c.data(900)))
			}
			if c.oneIn(10) {
				o.trimAllBut(log, 1+c.IntN(10))
			}
			for _, r := range log.Take(nil) {
				d.Submit(r)
				if !r.Quiet {
					under++
				}
			}
			if under > 0 {
				token, err := d.Wait()
				require.NoError(d, err)
				log.Done(token, nil)
				require.NoError(d, log.Failed())
				under--
			}
			o.noteDurable(log, was)
		}
		d.Crash()
	}
}

// identity is the identity that a life formats a log with.
func (o *logModel) identity(life int) wal.Identity {
	return wal.Identity{Cluster: [16]byte{1}, Node: 7, Incarnation: [16]byte{byte(life + 1)}}
}

func (o *logModel) append(log *wal.Log, text string) {
	o.written = append(o.written, entry{text, log.Append([]byte(text))})
}

// trimAllBut trims all entries but the last few.
func (o *logModel) trimAllBut(log *wal.Log, last int) {
	if n := len(o.written) - last; n > o.firstKept {
		o.firstKept = n
		log.Trim(o.written[n].end)
	}
}

// requireRecovered checks the entries that a life found: all that were durable and not
// trimmed, none that was never written. No boot number is used twice. At least one
// entry is never trimmed.
func (o *logModel) requireRecovered(d *driver, was wal.Recovered, found []entry) {
	from := 0
	if len(found) > 0 {
		from = slices.IndexFunc(o.written, func(e entry) bool { return e.end == found[0].end })
	}
	to := from + len(found)
	require.True(d, 0 <= from && from <= o.firstKept, "entries are lost that were not given up")
	require.GreaterOrEqual(d, to, o.durable, "durable entries are lost")
	require.LessOrEqual(d, to, len(o.written))
	for i := range found {
		require.Equal(d, o.written[from+i], found[i])
	}
	require.Greater(d, was.Boot, o.boot)
	if o.boot > 0 {
		require.False(d, was.Fresh)
		require.Equal(d, o.incarnation, was.Identity.Incarnation)
	}
	o.written, o.firstKept = o.written[:to], from
}

// noteDurable records the entries that the node may have acknowledged by now.
func (o *logModel) noteDurable(log *wal.Log, was wal.Recovered) {
	if !log.Ready() {
		return
	}
	o.boot, o.incarnation = was.Boot, was.Identity.Incarnation
	for o.durable < len(o.written) && o.written[o.durable].end <= log.Durable() {
		o.durable++
	}
}
