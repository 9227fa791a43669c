package fleet

import (
	"context"
	"errors"
	"strconv"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// Progress adds up the ranges of a campaign as they are done. The result of each is read once.
type Progress struct {
	Campaign *Campaign

	tally  campaign.Tally
	seen   map[int]bool // ranges
	joined int          // ranges from the first one on, without a gap
}

// Read reads at most so many results that are new. A result that does not count is passed
// over: the report at the end tells of it.
func (p *Progress) Read(ctx context.Context, q Queue, most int) error {
	keys, err := q.Done(ctx, p.Campaign, RangeKind)
	if err != nil {
		return err
	}
	if p.seen == nil {
		p.seen = map[int]bool{}
	}
	for _, key := range keys {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= p.Campaign.Ranges() || p.seen[i] {
			continue
		}
		if most--; most < 0 {
			break
		}
		if err := p.add(ctx, q, i, key); err != nil {
			return err
		}
	}
	for p.seen[p.joined] {
		p.joined++
	}
	return nil
}

func (p *Progress) add(ctx context.Context, q Queue, i int, key string) error {
	data, err := q.Result(ctx, p.Campaign, RangeKind, key)
	if errors.Is(err, ErrNoResult) { // it was removed a moment ago
		return nil
	}
	if err != nil {
		return err
	}
	p.seen[i] = true
	if _, part, err := parseRange(data, p.Campaign, i); err == nil && part != nil {
		_ = p.tally.Add(part) // one of another campaign
	}
	return nil
}

// Ranges is the number of ranges that are done.
func (p *Progress) Ranges() int { return len(p.seen) }

// Merged returns the sum of the ranges that are done, without a hash, and the last seed up
// to which none is missing. ok is false until the first range is done.
func (p *Progress) Merged() (m campaign.Merged, last uint64, ok bool) {
	if p.joined == 0 || p.tally.Seeds() == 0 {
		return m, 0, false
	}
	first, seeds := p.Campaign.Range(p.joined - 1)
	return p.tally.Merged(), first + (seeds - 1), true
}
