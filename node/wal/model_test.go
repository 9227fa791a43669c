package wal_test

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
)

// model is the state of the log as an observer of all lives knows it.
type model struct {
	appended     []entry // all entries of the log, durable or not, trimmed ones included
	acknowledged int     // how many of them a life could acknowledge
	firstKept    int     // how many of them were trimmed
	boot         uint64  // of the last life that was ready
}

// recovered checks the entries that a new life finds, and returns the model to
// continue with. All entries that were acknowledged and not trimmed are found, without
// gaps. At least one entry is always kept.
func (b model) recovered(was wal.Recovered, found []entry) (model, error) {
	from := 0
	if len(found) > 0 {
		from = slices.IndexFunc(b.appended, func(e entry) bool { return e.end == found[0].end })
	}
	to := from + len(found)
	switch {
	case from < 0 || from > b.firstKept || to < b.acknowledged || to > len(b.appended) || !slices.Equal(found, b.appended[from:to]):
		return b, fmt.Errorf("found %v\nappended %v, %d of them durable, %d given up", found, b.appended, b.acknowledged, b.firstKept)
	case was.Boot <= b.boot:
		return b, fmt.Errorf("boot %d comes after boot %d", was.Boot, b.boot)
	case was.Fresh && b.boot > 0:
		return b, fmt.Errorf("formatted anew after boot %d", b.boot)
	}
	return model{slices.Clone(b.appended[:to]), b.acknowledged, from, b.boot}, nil
}

// acknowledge records the entries that a life could acknowledge by now.
func (b *model) acknowledge(log *wal.Log, boot uint64) {
	if !log.Ready() {
		return
	}
	b.boot = boot
	for b.acknowledged < len(b.appended) && b.appended[b.acknowledged].end <= log.Durable() {
		b.acknowledged++
	}
}

// append appends an entry.
func (b *model) append(log *wal.Log, text string) {
	b.appended = append(b.appended, entry{text, log.Append([]byte(text))})
}

// trimAllBut trims all entries but the last few.
func (b *model) trimAllBut(log *wal.Log, last int) {
	if n := len(b.appended) - last; n > b.firstKept {
		b.firstKept = n
		log.Trim(b.appended[n].end)
	}
}
