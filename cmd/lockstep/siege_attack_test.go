package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// siegePlan tells the attackers, which are a process of their own, their targets and all that
// they know. Their inputs are a function of it, and of the instants of the answers.
type siegePlan struct {
	Seed    uint64
	Inputs  int64
	Refused bool     // send only inputs that are to be refused
	Peers   []string // addresses of the honest nodes for peers, node 1 first
	Clients []string // and for clients
	Token   string   // of a client that may write
	Liar    liarPlan
	Backup  []byte // a sound one
	Log     string // directory of a sound log
}

// siegeReport is the attackers' account of a siege.
type siegeReport struct {
	Inputs      map[string]int64 // by front
	Kinds       map[string]int64 // by kind of mutation
	Malformed   map[string]int64 // connections that the last input was to end, by front
	Refused     int64            // responses over HTTP of the class 4xx, by the nodes' own words
	Read        map[string]int64 // files that readers took or refused, by kind
	Heap, After uint64           // live bytes of the attackers at the beginning and at the end
}

// besieger is one attacker at one front.
type besieger struct {
	*siege
	*mutator
	report siegeReport
	number int // of the attackers of the front, from 0
}

// siege is shared by all attackers.
type siege struct {
	plan siegePlan
	left atomic.Int64
}

// fronts are the kinds of attackers: how many there are of each, and one turn of theirs, which
// returns the number of inputs.
var fronts = []struct {
	name    string
	count   int
	refused bool // all that it sends is to be refused
	turn    func() func(*besieger) int64
}{
	{"strangers", 1, true, func() func(*besieger) int64 { return (*besieger).strange }},
	{"posers", 3, true, func() func(*besieger) int64 { return new(poserSeeds).pose }},
	{"a member", 1, false, func() func(*besieger) int64 { return new(liarSeeds).lie }},
	{"streams", 3, false, func() func(*besieger) int64 { return new(streamSeeds).stream }},
	{"HTTP", 2, false, func() func(*besieger) int64 { return (*besieger).request }},
	{"files", 1, false, func() func(*besieger) int64 { return new(fileReaders).read }},
}

// besiege is the program of the attackers: a plan comes in, and a report goes out.
func besiege() {
	s := &siege{}
	if err := json.NewDecoder(os.Stdin).Decode(&s.plan); err != nil {
		panic(err)
	}
	s.left.Store(s.plan.Inputs)
	total := siegeReport{Inputs: map[string]int64{}, Kinds: map[string]int64{}, Malformed: map[string]int64{}, Read: map[string]int64{}}
	total.Heap = liveBytes()
	var mu sync.Mutex
	var all sync.WaitGroup
	for f, front := range fronts {
		if s.plan.Refused && !front.refused {
			continue
		}
		for i := range front.count {
			all.Go(func() {
				b := &besieger{siege: s, mutator: newMutator(s.plan.Seed, uint64(100*f+i)), number: i}
				b.report.Read = map[string]int64{}
				turn, inputs := front.turn(), int64(0)
				for s.left.Load() > 0 {
					n := turn(b)
					inputs += n
					s.left.Add(-n)
				}
				mu.Lock()
				defer mu.Unlock()
				total.Inputs[front.name] += inputs
				total.Malformed[front.name] += b.report.Malformed["connection"]
				total.Refused += b.report.Refused
				addCounts(total.Kinds, b.counts)
				addCounts(total.Read, b.report.Read)
			})
		}
	}
	all.Wait()
	total.After = liveBytes()
	if err := json.NewEncoder(os.Stdout).Encode(total); err != nil {
		panic(err)
	}
}

func addCounts(to, from map[string]int64) {
	for name, n := range from {
		to[name] += n
	}
}

func liveBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// String describes a report in a few lines.
func (r *siegeReport) String() string {
	text := ""
	for _, part := range []struct {
		name   string
		counts map[string]int64
	}{{"inputs", r.Inputs}, {"mutations", r.Kinds}, {"connections ended for the last input", r.Malformed}, {"files taken", r.Read}} {
		text += fmt.Sprintf("%s: %v\n", part.name, maps.Clone(part.counts))
	}
	return text + fmt.Sprintf("responses 4xx: %d; the attackers' live heap: %.1f MB, in the end %.1f MB\n", r.Refused, float64(r.Heap)/1e6, float64(r.After)/1e6)
}

// plus returns the sum of two reports; the first may be nil.
func (r *siegeReport) plus(o *siegeReport) *siegeReport {
	if r == nil {
		return o
	}
	for to, from := range map[*map[string]int64]map[string]int64{&r.Inputs: o.Inputs, &r.Kinds: o.Kinds, &r.Malformed: o.Malformed, &r.Read: o.Read} {
		addCounts(*to, from)
	}
	r.Refused, r.After = r.Refused+o.Refused, max(r.After, o.After)
	return r
}

// ended counts a connection that an input was to end.
func (b *besieger) ended() {
	if b.report.Malformed == nil {
		b.report.Malformed = map[string]int64{}
	}
	b.report.Malformed["connection"]++
}

// target chooses a node.
func (b *besieger) target() int { return b.random.IntN(len(b.plan.Peers)) }

// sound returns a mutated input that a judge calls sound, mostly: a sound one gets
// further than the first check. The others are as chance has them.
func (b *besieger) sound(seeds [][]byte, judge func([]byte) bool) (input []byte, sound bool) {
	tries := 100
	if b.random.IntN(16) == 0 {
		tries = 1
	}
	for range tries {
		if input = b.mutate(seeds); judge(input) {
			return input, true
		}
	}
	return input, false
}

// discard reads until the other side ends the connection, and reports whether it has done so in
// time.
func discard(r io.Reader) (ended bool) {
	_, err := io.Copy(io.Discard, r)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}
