package netmodel

// The shapes of a partition: each is the list of links to cut, and later to
// join. A process is never cut off from itself.

// TwoWay cuts all links between the groups a and b, which share no process.
func TwoWay(a, b []ID) []Link { return append(OneWay(a, b), OneWay(b, a)...) }

// OneWay cuts all links that lead from one group to another; the way back stays
// open.
func OneWay(from, to []ID) []Link {
	var cut []Link
	for _, f := range from {
		for _, t := range to {
			if f != t {
				cut = append(cut, Link{f, t})
			}
		}
	}
	return cut
}

// Partial cuts both links of each pair and nothing else: with {1, 2} alone, 1
// and 2 cannot talk though both reach 3.
func Partial(pairs [][2]ID) []Link {
	var cut []Link
	for _, p := range pairs {
		cut = append(cut, TwoWay(p[:1], p[1:])...)
	}
	return cut
}

// Ring leaves each of ids, in their order, only the links to the one before it
// and the one after it; the first and the last are neighbours.
func Ring(ids []ID) []Link {
	var cut []Link
	for i := range ids {
		for j := range i {
			if i-j != 1 && i-j != len(ids)-1 {
				cut = append(cut, TwoWay(ids[j:j+1], ids[i:i+1])...)
			}
		}
	}
	return cut
}

// Isolate cuts id off from the others, both ways. They may list id too.
func Isolate(id ID, others []ID) []Link { return TwoWay([]ID{id}, others) }
