package node

// ChosenValue is a value that a node has learnt to be chosen: by a round of its
// own, from a Commit, by a read with reports that agree, or by repair. The same
// value may come more than once, and an older one after a newer.
type ChosenValue struct {
	Key    string
	Ballot Ballot // one that it was chosen at
	Value  *Value // never nil
	Had    *Value // what the node had learnt before, the latest; nil: nothing
}
