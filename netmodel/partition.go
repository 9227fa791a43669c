package netmodel

// The shapes of a partition: each is a list of links to Cut, and to Uncut later.
// A process is never cut off from itself.

// TwoWay returns all links between the groups a and b, which share no process.
func TwoWay(a, b []ID) []Link { return append(OneWay(a, b), OneWay(b, a)...) }

// OneWay returns all links from one group to another. The way back stays open.
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

// Partial returns both links of each pair and no others: with {1, 2} alone, 1 and
// 2 cannot communicate though both reach 3.
func Partial(pairs [][2]ID) []Link {
	var cut []Link
	for _, p := range pairs {
		cut = append(cut, TwoWay(p[:1], p[1:])...)
	}
	return cut
}

// Ring returns all links but the ones between neighbours in ids; the first and
// the last are neighbours.
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

// Isolate returns all links between id and the others, both ways. others may
// contain id.
func Isolate(id ID, others []ID) []Link { return TwoWay([]ID{id}, others) }
