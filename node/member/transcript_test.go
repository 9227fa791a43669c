package member_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/sim/golden"
)

// A transcript is a list of commands, each followed by its results, indented.
// Lines that begin with # are comments.
//
//	members N             1 to N, down, with empty disks
//	start NODE...
//	crash NODE...
//	wipe NODE             while it is down: its disk is empty
//	copy NODE             remember its disk
//	restore NODE          replace its disk by the copy, while it is down
//	slow|fast NODE        its disk waits for the command sync, or no longer
//	sync NODE [N]         its disk carries out all pending operations, or the first N
//	restored NODE BACKUP [FOR]  its disk is empty, and gets a log that was restored
//	inherit NODE          give it a log of a version that recorded no clusters
//	cut|join A B          links both ways
//	lose A>B [KIND]       messages of that type, or all, are lost on that link
//	hold A>B [KIND]       they are captured, until released
//	duplicate A>B [KIND]  they arrive, and again when released
//	pass A>B              the link has no rule any more
//	release A>B           the same, and captured messages arrive, in order
//	peers NODE LIST       members that it is started with, as in 1,2,3
//	level NODE LEVEL      the level of the build that is started next
//	joiner NODE [LIST]    one more node, down, with an empty disk, that is to be added to the cluster of the members listed
//	meet NODE PEER...     it learns of members that its log does not know
//	change NODE WORDS     a change of members, asked of NODE: add ID [promote | replaces ID], remove ID, promote ID, abandon [ID], move ID ADDRESS
//	refuse NODE PEER...   the peers refuse it as a former member
//	run DURATION
//	propose NODE KEY STATE
//	read NODE KEY
//	show NODE             its stage, whether it is ready, and why not
//	quiet                 print no observations from now on, only notices, responses and show
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, "testdata/*.txt", func(*testing.T) func([]string) string { return new(transcript).answer })
}

type transcript struct {
	*world
	requests int
}

func (x *transcript) replay(text string) string { return golden.Replay(text, x.answer) }

// answer carries out a command, and returns the output of the members since.
func (x *transcript) answer(words []string) string {
	x.command(words[0], words[1:])
	defer x.output.Reset()
	return x.output.String()
}

func (x *transcript) command(name string, args []string) {
	switch name {
	case "members":
		x.world = newWorld(number(args[0]))
	case "joiner":
		x.addJoiner(number(args[0]), strings.Join(args[1:], ""))
	case "change":
		x.change(x.hosts[number(args[0])], args[1:])
	case "meet":
		for _, id := range args[1:] {
			x.hosts[number(args[0])].member.Meet(node.ID(number(id)))
		}
		x.hosts[number(args[0])].step(member.Wake())
	case "refuse":
		for _, by := range args[1:] {
			x.hosts[number(args[0])].step(node.Event{Kind: node.Receive, From: node.ID(number(by)), Message: &member.Removal{}})
		}
	case "run":
		d, err := time.ParseDuration(args[0])
		must(err)
		x.run(d)
	case "cut", "join":
		for _, link := range []string{args[0] + ">" + args[1], args[1] + ">" + args[0]} {
			x.world.cut = slices.DeleteFunc(x.world.cut, func(l string) bool { return l == link })
			if name == "cut" {
				x.world.cut = append(x.world.cut, link)
			}
		}
	case "lose", "hold", "duplicate":
		x.linkRules = append(x.linkRules, linkRule{name, args[0], strings.Join(args[1:], "")})
	case "pass":
		x.removeRule(args[0])
	case "release":
		x.release(args[0])
	case "quiet":
		x.world.hideObservations = true
	case "propose", "read":
		x.requests++
		r := &node.Request{Kind: node.Read, Key: args[1], ID: node.OpID(fmt.Sprintf("c1.%d", x.requests))}
		if name == "propose" {
			r.Kind, r.To = node.Propose, args[2]
		}
		x.hosts[number(args[0])].step(node.Event{Kind: node.Receive, From: 1101, Message: r})
	case "sync":
		n := math.MaxInt
		if len(args) > 1 {
			n = number(args[1])
		}
		x.hosts[number(args[0])].syncSome(n)
	default:
		for _, arg := range args[:hosts(name, args)] {
			if i, err := strconv.Atoi(arg); err == nil {
				x.host(name, x.hosts[i], args[1:])
			}
		}
	}
}

// hosts is the number of the words of a command that name hosts.
func hosts(name string, args []string) int {
	if name == "level" {
		return 1
	}
	return len(args)
}

func (x *transcript) host(name string, h *host, args []string) {
	switch name {
	case "start":
		h.start()
	case "crash":
		h.crash()
	case "wipe":
		h.wipe()
	case "copy":
		h.diskCopy = h.disk.Clone()
	case "restore":
		h.disk = h.diskCopy.Clone()
	case "slow":
		h.slow = true
	case "fast":
		h.slow = false
		h.sync()
	case "restored":
		h.restore([]byte(args[0])[0], strings.Join(args[1:], ""))
	case "inherit":
		h.formatLegacyLog()
	case "peers":
		h.cfg.Node.Members = nil
		for _, id := range strings.Split(args[0], ",") {
			h.cfg.Node.Members = append(h.cfg.Node.Members, node.ID(number(id)))
		}
	case "level":
		h.cfg.Level = node.Level(number(args[0]))
	case "show":
		x.show(h)
	default:
		panic("no such command: " + name)
	}
}

// addJoiner adds a host that is to join the members of a list.
func (w *world) addJoiner(id int, list string) {
	for len(w.hosts) <= id {
		w.hosts = append(w.hosts, newWorld(id).hosts[len(w.hosts)])
	}
	h := w.hosts[id]
	h.w, h.cfg.Join, h.cfg.Node.Members = w, true, []node.ID{node.ID(id)}
	for m := range strings.FieldsFuncSeq(list, func(c rune) bool { return c == ',' }) {
		h.cfg.Node.Members = append(h.cfg.Node.Members, node.ID(number(m)))
	}
}

// change asks a member for a change, which it proposes in its next step.
func (x *transcript) change(h *host, args []string) {
	c := configuration.Change{}
	for kind := configuration.Add; kind <= configuration.Move; kind++ {
		if kind.String() == args[0] {
			c.Kind = kind
		}
	}
	if len(args) > 1 {
		c.ID = node.ID(number(args[1]))
	}
	switch strings.Join(args[min(2, len(args)):], " ") {
	case "":
	case "promote":
		c.Promote = true
	default:
		if c.Kind == configuration.Move {
			c.Address = args[2]
		} else {
			c.Replaces = node.ID(number(args[3]))
		}
	}
	if err := h.member.Change(c); err != nil {
		x.print("%v", err)
		return
	}
	h.step(node.Event{Kind: node.Timer, Token: 1 << 62})
}

func (x *transcript) show(h *host) {
	if h.member == nil {
		x.print("down")
		return
	}
	s := h.member.Status()
	x.print("%v, ready %v, admits %v", s.Stage, s.Ready, s.Admitted)
	if c := h.member.Configuration(); c != nil {
		x.print("%v", c)
	}
	for _, id := range slices.Sorted(maps.Keys(s.Rejected)) {
		x.print("refuses %d: %s", id, s.Rejected[id])
	}
	for _, why := range s.NotReadyReasons {
		x.print("%s", why)
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
