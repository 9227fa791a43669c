package wal_test

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// belief is what an observer of all lives knows of the log.
type belief struct {
	appended []entry // of the log as it now is, durable or not, or trimmed
	said     int     // how many of them a life could speak of
	kept     int     // how many of them were given up
	boot     uint64  // the last that was ready
}

// recovered checks what a new life finds, and goes on from there: all that was
// said and not given up, and no gaps. At least one entry is always kept.
func (b belief) recovered(was wal.Recovered, found []entry) (belief, error) {
	from := 0
	if len(found) > 0 {
		from = slices.IndexFunc(b.appended, func(e entry) bool { return e.end == found[0].end })
	}
	to := from + len(found)
	switch {
	case from < 0 || from > b.kept || to < b.said || to > len(b.appended) || !slices.Equal(found, b.appended[from:to]):
		return b, fmt.Errorf("found %v\nappended %v, %d of them durable, %d given up", found, b.appended, b.said, b.kept)
	case was.Boot <= b.boot:
		return b, fmt.Errorf("boot %d comes after boot %d", was.Boot, b.boot)
	case was.Fresh && b.boot > 0:
		return b, fmt.Errorf("formatted anew after boot %d", b.boot)
	}
	return belief{slices.Clone(b.appended[:to]), b.said, from, b.boot}, nil
}

// speaks notes what a life could speak of by now.
func (b *belief) speaks(log *wal.Log, boot uint64) {
	if !log.Ready() {
		return
	}
	b.boot = boot
	for b.said < len(b.appended) && b.appended[b.said].end <= log.Durable() {
		b.said++
	}
}

// append appends an entry.
func (b *belief) append(log *wal.Log, text string) {
	b.appended = append(b.appended, entry{text, log.Append([]byte(text))})
}

// keep gives up all entries but the last few.
func (b *belief) keep(log *wal.Log, last int) {
	if n := len(b.appended) - last; n > b.kept {
		b.kept = n
		log.Trim(b.appended[n].end)
	}
}
