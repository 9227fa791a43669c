package fleet

import (
	"cmp"
	"slices"
)

// fairness chooses between campaigns by their weights: of two that always have jobs, the
// one of twice the weight is chosen twice as often. It is stride scheduling (Waldspurger
// and Weihl, 1995).
type fairness struct {
	pass map[string]float64 // by name: work done, divided by weight
}

// order returns the campaigns in the order in which they are to be asked for a job.
func (f *fairness) order(list []*Campaign) []*Campaign {
	f.admit(list)
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *Campaign) int { return cmp.Compare(f.pass[a.Name], f.pass[b.Name]) })
	return list
}

// admit gives a campaign that is new the least pass of the others: it has no claim on the
// time before it came. Campaigns that are gone are forgotten.
func (f *fairness) admit(list []*Campaign) {
	known := map[string]float64{}
	least, found := 0.0, false
	for _, c := range list {
		if pass, ok := f.pass[c.Name]; ok {
			known[c.Name] = pass
			if !found || pass < least {
				least, found = pass, true
			}
		}
	}
	for _, c := range list {
		if _, ok := known[c.Name]; !ok {
			known[c.Name] = least
		}
	}
	f.pass = known
}

// charge notes that a job of a campaign was done.
func (f *fairness) charge(c *Campaign, seeds uint64) {
	if f.pass == nil {
		f.pass = map[string]float64{}
	}
	f.pass[c.Name] += float64(seeds) / float64(c.Weight)
}

// skip has a campaign without jobs keep up with the one that was chosen: it saves up
// nothing while it is idle.
func (f *fairness) skip(idle, chosen *Campaign) {
	f.pass[idle.Name] = max(f.pass[idle.Name], f.pass[chosen.Name])
}
