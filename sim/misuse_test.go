package sim

import (
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/stretchr/testify/require"
)

// parcel is a message with content that can be changed.
type parcel struct {
	kind    string
	content []string
	digest  func() uint64 // nil: of the content
	key     uint64        // 0: of the name
	name    string        // empty: of the kind
}

func (p *parcel) FateName() string {
	if p.name != "" {
		return p.name
	}
	return p.kind + " toy c1.1"
}

func (p *parcel) FateKey() uint64 {
	if p.key != 0 {
		return p.key
	}
	return FateKey(p.kind, "toy", "c1.1")
}

func (p *parcel) Digest() uint64 {
	if p.digest != nil {
		return p.digest()
	}
	h := p.FateKey()
	for _, c := range p.content {
		h = h*31 + uint64(len(c))*7 + uint64(c[0])
	}
	return h | 1 // never one in sixteen
}

func (p *parcel) String() string { return p.kind + " of " + p.content[0] }

// uncomparable is a message that is no pointer and cannot be compared.
type uncomparable struct {
	note
	_ []string
}

// misuseOf returns the Misuse with which a world of two processes ends. Process 1
// takes an invocation at 1ms, another at 2ms, and one at 20ms.
func misuseOf(t *testing.T, level CheckLevel, code func(id ID, ev *Event, out *Effects)) (found *Misuse) {
	w := worldOf(t, 2, nil, func(c *Config) {
		c.Checks = level
		c.New = func(id ID, _ int) Process {
			return stepFunc(func(ev *Event, out *Effects) { code(id, ev, out) })
		}
	})
	for i, at := range []Duration{1, 2, 20} {
		w.Invoke(at*ms, 1, note{"go", "x", i})
	}
	defer func() {
		if cause := recover(); cause != nil {
			found = cause.(*Misuse)
		}
	}()
	w.Run(sec)
	return nil
}

// sends has process 1 send m to process 2 at its first invocation.
func sends(m func() Message) func(ID, *Event, *Effects) {
	return func(id ID, ev *Event, out *Effects) {
		if ev.Kind == Invoke && ev.Message.(note).n == 0 {
			out.Send(2, m())
		}
	}
}

func parcelOf(p parcel) func(ID, *Event, *Effects) {
	p.kind, p.content = "gift", []string{"tea"}
	return sends(func() Message { return &p })
}

func TestMisuseOfMessagesIsFound(t *testing.T) {
	gift := func() *parcel { return &parcel{kind: "gift", content: []string{"tea"}} }
	var kept *parcel
	counter := uint64(0)
	for name, c := range map[string]struct {
		code  func(ID, *Event, *Effects)
		class string
		want  []string
		level CheckLevel // the lowest that finds it
	}{
		"no message": {
			sends(func() Message { return nil }), MisuseNilMessage,
			[]string{"process 1 sends a nil message to 2"}, CheckSample,
		},
		"no observation": {
			func(_ ID, ev *Event, out *Effects) { out.Observe(nil) }, MisuseNilMessage,
			[]string{"process 1 makes a nil observation"}, CheckSample,
		},
		"an unknown receiver": {
			func(_ ID, ev *Event, out *Effects) { out.Send(7, gift()) }, MisuseUnknownReceiver,
			[]string{"process 1 sends to 7, which is no process of this world: gift of tea"}, CheckSample,
		},
		"a value with a slice": {
			sends(func() Message { return uncomparable{} }), MisuseUncomparableMessage,
			[]string{"process 1 sends a sim.uncomparable to 2", "send a pointer"}, CheckMessages,
		},
		"a name of two words": {
			parcelOf(parcel{name: "gift c1.1"}), MisuseFateName,
			[]string{"process 1 sends to 2: gift of tea", `FateName is "gift c1.1"`, "want three words"}, CheckMessages,
		},
		"a name with two spaces": {
			parcelOf(parcel{name: "gift  toy c1.1"}), MisuseFateName,
			[]string{"want three words with one space between"}, CheckMessages,
		},
		"a key of another name": {
			parcelOf(parcel{key: 18}), MisuseFateName,
			[]string{"FateKey is 0000000000000012", `sim.FateKey("gift", "toy", "c1.1")`}, CheckMessages,
		},
		"a digest that is not stable": {
			parcelOf(parcel{digest: func() uint64 { counter += 2; return counter<<4 | 1 }}), MisuseUnstableDigest,
			[]string{"whose Digest is", "computed again", "the order of a map"}, CheckMessages,
		},
		"the sender changes it under way": {
			func(id ID, ev *Event, out *Effects) {
				switch {
				case ev.Kind == Invoke && ev.Message.(note).n == 0:
					kept = gift()
					out.Send(2, kept)
					out.SetTimer(1, 0)
				case ev.Kind == Timer:
					kept.content[0] = "mud"
				}
			}, MisuseMessageChanged,
			[]string{`a message of process 1 to process 2, sent at 1ms as "gift of tea", has changed, and is "gift of mud"`,
				"found at 1ms, in a step of process 1: timer 1", "copy, before you send it or keep it"}, CheckMessages,
		},
		"the receiver changes it": {
			func(id ID, ev *Event, out *Effects) {
				sends(func() Message { return gift() })(id, ev, out)
				if ev.Kind == Receive {
					ev.Message.(*parcel).content[0] = "mud"
				}
			}, MisuseMessageChanged,
			[]string{"found at 2ms, in a step of process 2: receive from 1: gift of mud"}, CheckMessages,
		},
		"the receiver changes it long after": {
			func(id ID, ev *Event, out *Effects) {
				sends(func() Message { return gift() })(id, ev, out)
				switch {
				case ev.Kind == Receive:
					kept = ev.Message.(*parcel)
					out.SetTimer(1, 5*ms)
				case ev.Kind == Timer:
					kept.content[0] = "mud"
				}
			}, MisuseMessageChanged,
			[]string{"sent at 1ms as \"gift of tea\"", "found at 7ms, in a step of process 2: timer 1"}, CheckMessages,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for level := CheckSample; level <= CheckSteps; level++ {
				m := misuseOf(t, level, c.code)
				if level < c.level {
					require.Nil(t, m, "level %d", level)
					continue
				}
				require.NotNil(t, m, "level %d", level)
				require.Equal(t, c.class, m.Class)
			}
			text := misuseOf(t, CheckSteps, c.code).Error()
			for _, want := range c.want {
				require.Contains(t, text, want)
			}
		})
	}
}

// A copy under way that was changed is found when it arrives, also by a world that
// checks one message in sixteen.
func TestAChangedDuplicateIsFound(t *testing.T) {
	arrivals := 0
	w := worldOf(t, 2, nil, func(c *Config) {
		c.Network.Duplicate, c.Checks = 1_000_000, CheckSample
		c.New = func(id ID, _ int) Process {
			return stepFunc(func(ev *Event, out *Effects) {
				switch {
				case id == 1 && ev.Kind == Boot:
					n := 16
					out.Send(2, letter{n: &n})
				case ev.Kind == Receive:
					arrivals++
					*ev.Message.(letter).n++
				}
			})
		}
	})
	require.PanicsWithError(t, `sim: a message of process 1 to process 2 has changed, and is "letter 17": found at 2ms, when process 2 was to take it. `+
		"A message never changes once it is sent, since its sender, its receivers and the copies under way have one memory: "+
		"copy, before you send it or keep it, what you will change", func() { w.Run(sec) })
	require.Equal(t, 1, arrivals)
}

// The checks change nothing in a run without misuse.
func TestChecksDoNotShowInTheHash(t *testing.T) {
	checked := func(level CheckLevel) func(*Config) { return func(c *Config) { c.Checks = level } }
	want := play(heavilyFaultyWorld(t))
	require.Equal(t, want, play(heavilyFaultyWorld(t, checked(CheckMessages))))
	require.Equal(t, want, play(heavilyFaultyWorld(t, checked(CheckSteps))))
}

func TestEventsHaveATextForm(t *testing.T) {
	m := note{"gift", "c1.1", 3}
	for _, c := range []struct {
		ev   Event
		want string
	}{
		{Event{Kind: Boot, Token: 2}, "boot 2"},
		{Event{Kind: Receive, From: 4, Message: m}, "receive from 4: gift c1.1 3"},
		{Event{Kind: Timer, Token: 31}, "timer 1f"},
		{Event{Kind: DiskDone, Token: 31}, "disk done 1f"},
		{Event{Kind: DiskDone, Token: 31, Err: disk.ErrIO}, "disk done 1f: input/output error"},
		{Event{Kind: Invoke, Message: m}, "invoked: gift c1.1 3"},
		{Event{Kind: SendFailed, From: 4, Message: m}, "could not be sent to 4: gift c1.1 3"},
		{Event{Kind: Disconnected, From: 4}, "the connection to 4 has ended"},
	} {
		require.Equal(t, c.want, c.ev.String())
	}
}
