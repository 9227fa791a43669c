package node_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/sim/golden"
)

// A transcript is a list of commands, each followed by its output, indented. Lines
// that begin with # are comments. A link is written 1>2; 1> stands for all links from
// 1, >2 for all links to 2.
//
//	cluster N [window W] [batch B] [queue Q] [jitter J] [repair MS]   nodes 1 to N, ready; window: the dedup window
//	request NODE ID propose KEY STATE [expect V] [base N] [attempt A] [retry]   base N: stamp ID with the watermark N
//	request NODE ID read|read-local KEY [attempt A] [retry]
//	flight                list the messages in flight
//	deliver all           until only held messages are in flight
//	deliver LINK [N]      the messages in flight on a link now, or the first N
//	drop LINK [N]         likewise
//	duplicate LINK        duplicate all messages in flight on a link
//	hold|release LINK     make "deliver all" skip a link, or no longer
//	tick DURATION         advance the clock
//	slow|fast NODE        its disk waits for sync, or no longer
//	sync NODE             its disk executes its pending requests
//	crash|start NODE
//	show NODE KEY         its state of a machine
//	facts all|few         print all observations, or those that messages do not show
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, "testdata/*.txt", func(*testing.T) func([]string) string {
		x := new(transcript)
		return func(words []string) string {
			x.command(words[0], words[1:])
			return x.takeTranscript()
		}
	})
}

type transcript struct{ *world }

func (x *transcript) command(name string, args []string) {
	if name == "cluster" {
		x.world = newWorld(number(args[0]), func(cfg *node.Config) { knobs(cfg, args[1:]) })
		return
	}
	switch name {
	case "request":
		x.request(number(args[0]), request(args[1:]))
	case "deliver", "drop", "duplicate":
		x.move(name, args)
	case "hold":
		x.blockedLinks = append(x.blockedLinks, args...)
	case "release":
		x.blockedLinks = nil
	case "tick":
		d, err := time.ParseDuration(args[0])
		must(err)
		x.tick(d)
	case "flight":
		for _, p := range x.inFlight {
			x.printf("%v", p)
		}
	case "facts":
		x.verbose = args[0] == "all"
	default:
		x.host(name, x.hosts[number(args[0])], args[1:])
	}
}

// move executes a command about messages in flight.
func (x *transcript) move(name string, args []string) {
	if args[0] == "all" {
		x.deliverAll()
		return
	}
	count := -1
	if len(args) > 1 {
		count = number(args[1])
	}
	for _, p := range x.take(count, args[0]) {
		switch name {
		case "deliver":
			x.deliver(p)
		case "drop":
			x.printf("%v: dropped", p)
		case "duplicate":
			x.inFlight = append(x.inFlight, p, p)
		}
	}
}

// host executes a command about one node and its disk.
func (x *transcript) host(name string, h *host, args []string) {
	switch name {
	case "slow":
		h.slow = true
	case "fast":
		h.slow = false
		h.sync()
	case "sync":
		h.sync()
	case "crash":
		h.crash()
	case "start":
		h.start()
	case "show":
		s := h.node.Inspect(args[0])
		x.printf("promised %v, accepted %v %v, chosen %v %v", s.Promised, s.Accepted, recent(s.Value), s.Chosen, s.Learnt)
	default:
		panic("unknown command: " + name)
	}
}

// recent formats a value with the ids in its dedup window.
func recent(v *node.Value) string {
	if v == nil {
		return v.String()
	}
	var ids []string
	for _, e := range v.Window {
		ids = append(ids, string(e.ID))
	}
	return fmt.Sprintf("%v by %v", v, ids)
}

func request(args []string) *node.Request {
	r := &node.Request{ID: node.OpID(args[0]), Key: args[2], Attempt: 1}
	rest := args[3:]
	switch args[1] {
	case "propose":
		r.Kind, r.To, rest = node.Propose, args[3], args[4:]
	case "read":
		r.Kind = node.Read
	case "read-local":
		r.Kind = node.ReadLocal
	}
	for i, word := range rest {
		switch word {
		case "retry":
			r.Retry = true
		case "expect":
			r.Expects, r.Expect = true, number64(rest[i+1])
		case "watermark":
			r.ID = node.Stamp(r.Key, number64(rest[i+1]), args[0])
		case "attempt":
			r.Attempt = uint32(number(rest[i+1]))
		}
	}
	return r
}

func knobs(cfg *node.Config, args []string) {
	for i := 0; i < len(args); i += 2 {
		switch n := number(args[i+1]); args[i] {
		case "window":
			cfg.DedupWindow, cfg.Batch = n, min(n, cfg.Batch)
		case "batch":
			cfg.Batch = n
		case "queue":
			cfg.Queue = n
		case "repair":
			cfg.RepairDelay = time.Duration(n) * time.Millisecond
		case "jitter":
			cfg.Jitter += uint64(n)
		}
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	must(err)
	return n
}

func number64(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
