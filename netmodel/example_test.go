package netmodel_test

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// A message is judged, lost in a partition, and sent again after it.
func Example() {
	lan := netmodel.Profile{Delay: netmodel.Delay{Kind: netmodel.Constant, Min: 2 * netmodel.Millisecond}}
	n := netmodel.New(keyed.Seed(42), []netmodel.ID{1, 2, 3}, lan)
	l, proposal := netmodel.Link{From: 1, To: 2}, keyed.String("proposal web-1")

	show := func(now netmodel.Duration) {
		v := n.Judge(now, l, proposal)
		fmt.Println(l, v.Occurrence, v.Fate, v.Cause, v.At)
	}
	show(0)
	partition := netmodel.Isolate(1, []netmodel.ID{2, 3})
	for _, l := range partition {
		n.Cut(l)
	}
	show(10 * netmodel.Millisecond)
	for _, l := range partition {
		n.Uncut(l)
	}
	show(20 * netmodel.Millisecond)
	// Output:
	// 1>2 1 deliver none 2ms
	// 1>2 2 drop cut 0s
	// 1>2 3 deliver none 22ms
}
