package sim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/sim/disk"
)

// toy is a process that counts. At an invocation it adds one to a counter on its
// disk, and when that is durable it pings a peer with the new count. The peer
// answers pings with pongs. A ping that is not answered in time is sent once
// more.
type toy struct {
	count   int
	waiting map[uint64]*ping // by token: the count
}

type ping struct {
	to    ID
	note  note
	tries int
}

// The meaning of the tokens of a toy's disk requests and timers, in their last
// hexadecimal digit. The rest is the count.
const (
	toyWrite = iota
	toySync
	toyLink
)

const (
	toyFile    = "count"
	toyTimeout = 6 * ms
)

func newToy(ID, int) Process { return &toy{waiting: map[uint64]*ping{}} }

// StepAll takes the events one after the other.
func (p *toy) StepAll(now Duration, evs []Event, out *Effects) {
	for i := range evs {
		p.Step(now, &evs[i], out)
	}
}

func (p *toy) Step(now Duration, ev *Event, out *Effects) {
	switch ev.Kind {
	case Boot:
		p.boot(now, ev.Disk, out)
	case Invoke:
		p.add(ev.Message.(note), out)
	case DiskDone:
		if ev.Token%16 == toySync {
			p.send(ev.Token/16, out)
		}
	case Receive:
		p.receive(ev.From, ev.Message.(note), out)
	case Timer:
		if w := p.waiting[ev.Token]; w != nil && w.tries < 2 {
			p.send(ev.Token, out)
		}
	}
}

func (p *toy) boot(now Duration, d disk.View, out *Effects) {
	text, err := d.Read(toyFile)
	if err != nil {
		out.Disk(disk.Request{Op: disk.Write, File: toyFile, Token: toyWrite})
		out.Disk(disk.Request{Op: disk.SyncDir, Token: toyLink})
	}
	p.count, _ = strconv.Atoi(string(text))
	out.Observe(textObservation(fmt.Sprintf("starts at %d, my clock shows %v", p.count, now)))
}

// add writes the next count and syncs it. The operation "a/2" is for peer 2.
func (p *toy) add(m note, out *Effects) {
	p.count++
	_, to, _ := strings.Cut(m.operation, "/")
	peer, _ := strconv.Atoi(to)
	n := uint64(p.count)
	p.waiting[n] = &ping{to: ID(peer), note: note{"ping", m.operation, p.count}}
	out.Disk(disk.Request{Op: disk.Write, File: toyFile, Data: []byte(strconv.Itoa(p.count)), Token: n<<4 + toyWrite})
	out.Disk(disk.Request{Op: disk.Sync, File: toyFile, Token: n<<4 + toySync})
}

func (p *toy) send(n uint64, out *Effects) {
	w := p.waiting[n]
	w.tries++
	out.Send(w.to, w.note)
	out.SetTimer(n, toyTimeout)
}

func (p *toy) receive(from ID, m note, out *Effects) {
	if m.kind == "ping" {
		out.Send(from, note{"pong", m.operation, m.n})
		return
	}
	delete(p.waiting, uint64(m.n))
	out.Observe(textObservation(fmt.Sprintf("%d is answered", m.n)))
}
