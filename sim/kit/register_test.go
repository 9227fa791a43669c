package kit_test

import (
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
)

// A register with a primary and a backup (Alsberg and Day, A principle for resilient
// sharing of distributed resources, 1976). The primary, process 1, has each value in its
// log, then the backup, process 2, has, and then the client gets its reply.

type (
	write struct { // client to primary
		Op    int `fate:"op"`
		Value int
	}
	read struct { // client to primary
		Op int `fate:"op"`
	}
	reply struct { // primary to client; 0 is the first value
		Op    int `fate:"op"`
		Value int
	}
	replicate struct { // primary to backup
		Index int `fate:"op"`
		Value int
	}
	stored struct { // backup to primary
		Index int `fate:"op"`
	}
	// holds is the fact that a replica has a value durably, in a place of its log.
	holds struct{ Index, Value int }
)

const resend = 1 // the timer of the primary

type replica struct {
	id      sim.ID
	hasty   bool // a planted bug: values count as durable at once
	log     *kit.Log
	timers  kit.Timers
	values  []int // in the log
	durable int   // of the values, those that are durable here
	stored  int   // and those that the backup has as well
	waiting []waiting
}

// waiting is a client that gets its reply when the backup has so many values.
type waiting struct {
	index  int
	client sim.ID
	reply  reply
}

func (r *replica) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	var err error
	if ev.Kind == sim.Boot {
		r.log, err = kit.OpenLog("values", ev.Disk, out, r.ready)
	} else {
		_, err = r.log.Step(now, ev, out)
	}
	if err != nil {
		panic(err)
	}
	if name, _ := r.timers.Fired(now, ev, out); name == resend {
		r.replicate(out)
	}
	if ev.Kind == sim.Receive && r.log.Ready() {
		r.receive(ev.From, kit.Body(ev.Message), out)
	}
}

func (r *replica) ready(now sim.Duration, out *sim.Effects, records [][]byte) {
	for _, record := range records {
		r.values = append(r.values, int(record[0]))
		r.isDurable(out)
	}
	if r.id == 1 {
		r.timers.Every(now, out, resend, 20*ms)
	}
}

func (r *replica) receive(from sim.ID, m any, out *sim.Effects) {
	switch m := m.(type) {
	case write:
		r.append(m.Value, out)
		r.waiting = append(r.waiting, waiting{len(r.values), from, reply(m)})
	case read:
		last := 0
		if n := len(r.values); n > 0 {
			last = r.values[n-1]
		}
		r.waiting = append(r.waiting, waiting{len(r.values), from, reply{m.Op, last}})
	case replicate:
		if m.Index == len(r.values)+1 {
			r.append(m.Value, out)
		} else if m.Index <= r.durable {
			out.Send(from, kit.Message(stored{m.Index}))
		}
	case stored:
		r.stored = max(r.stored, m.Index)
	}
	r.replicate(out)
}

func (r *replica) append(value int, out *sim.Effects) {
	r.values = append(r.values, value)
	r.log.Append(out, []byte{byte(value)}, func(_ sim.Duration, out *sim.Effects) {
		if !r.hasty {
			r.isDurable(out)
		}
	})
	if r.hasty {
		r.isDurable(out)
	}
}

func (r *replica) isDurable(out *sim.Effects) {
	r.durable++
	out.Observe(kit.Fact(holds{r.durable, r.values[r.durable-1]}))
	if r.id == 2 {
		out.Send(1, kit.Message(stored{r.durable}))
	}
	r.replicate(out)
}

// replicate has the primary send the clients the replies that are due, and the backup the
// next value.
func (r *replica) replicate(out *sim.Effects) {
	for len(r.waiting) > 0 && r.waiting[0].index <= r.stored {
		out.Send(r.waiting[0].client, kit.Message(r.waiting[0].reply))
		r.waiting = r.waiting[1:]
	}
	if r.id == 1 && r.stored < r.durable {
		out.Send(2, kit.Message(replicate{r.stored + 1, r.values[r.stored]}))
	}
}
