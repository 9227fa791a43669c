package scenarios

import "strings"

// Expectation is the demand of a property on every run. A report shows it beside the way in
// which the property broke, and looks for its causes where it says.
type Expectation struct {
	Sentence string   // the rule, for a person; it begins with a capital, and ends without a full stop
	Needs    []string // the things that must come first at the process that breaks it: kinds of messages from other nodes, or Synced
	State    []string // names of the values in the dumps of nodes that it is about, the main one first
	Changed  bool     // the wrong step is the last change of the main one, and not the one in which that shows
}

// Synced is a need of an Expectation: the end of a sync of the process's own disk.
const Synced = "sync"

// Expectation returns the demand of a signature's property: as the system states it of the
// signature, or else of the property, or as the harness does. It is zero if neither does.
func (s *System) Expectation(signature string) Expectation {
	property, _, _ := strings.Cut(signature, "/")
	for _, table := range []map[string]Expectation{s.Expected, expected} {
		for _, name := range []string{signature, property} {
			if e, ok := table[name]; ok {
				return e
			}
		}
	}
	return Expectation{}
}

// expected are the demands of the harness itself, which it makes of every system.
var expected = map[string]Expectation{
	"assertion":       {Sentence: "The code under test never panics"},
	"invariant":       {Sentence: "What the system states about itself holds after every event"},
	"linearizability": {Sentence: "There is one order of all operations on an object that explains every response, and in which an operation comes after those that had returned before it was called"},

	"availability/incarnation-rejected": {Sentence: "A node whose disk has lost nothing is not stopped for lost promises"},
	"availability/node-stopped":         {Sentence: "A node stops by itself only if its disk fails or is damaged"},
	"client/unexpected-return":          {Sentence: "A client returns an outcome only of the operation that it has in progress"},
	"convergence":                       {Sentence: "Once the faults are over and the clients are done, all nodes hold the same state of every object"},
	"harness":                           {Sentence: "Code under test keeps to the contract of the harness: it changes nothing that it has handed over, and its messages have fate names and digests that do not vary"},
	"harness/bad-response":              {Sentence: "A client returns outcomes of its own operations, each of them committed, rejected or unknown"},
	"harness/no-process":                {Sentence: "A system makes a process for every node and every client of the plan"},
	"liveness/client-stuck":             {Sentence: "Every operation returns to its client, be it with an unknown outcome"},
	"liveness/fresh-operation-stuck":    {Sentence: "On the healed network a fresh operation on every object ends for certain within the stated time: it is committed, or rejected as illegal"},
	"liveness/not-converged":            {Sentence: "A run comes to an end within its limit of events: nobody goes on for ever to answer what is answered already"},
	"liveness/still-sending":            {Sentence: "Long after the last request on the healed network, the nodes have come to hold the same and send nothing more"},
	"wire/damage-accepted":              {Sentence: "A decoder refuses the bytes of a message that were damaged on the way"},
}
