package stream_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/stream"
	"github.com/lockstep-dst/lockstep/node/watch"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// conversation has every message, with its description.
func conversation(t testing.TB) (lines []string, payloads [][]byte) {
	c, s := stream.NewClient(), stream.NewServer(hello)
	note := func(what string, take func([]byte) []byte) []byte {
		b := take(nil)
		payloads = append(payloads, stream.Payloads(b)...)
		lines = append(lines, fmt.Sprintf("%-34s %s", what, hex.EncodeToString(b)))
		return b
	}
	up := func(what string) {
		_, err := s.Receive(note("client: "+what, c.Take))
		require.NoError(t, err)
	}
	down := func(what string) {
		_, err := c.Receive(note("server: "+what, s.Take))
		require.NoError(t, err)
	}
	up("hello")
	down("hello")
	must := id(t)
	a := must(c.Request(proposal("0@x3_kname"), 1500*1000*1000))
	up("request, propose")
	b := must(c.Request(&op.Request{Kind: op.Read, Key: "lifecycle/a", ID: "r1", Attempt: 1}, 0))
	up("request, read")
	d := must(c.Request(&op.Request{Kind: op.ReadLocal, Key: "lifecycle/ü", ID: "r2", Attempt: 1}, 0))
	up("request, local read")
	s.Reply(a, committed(proposal("0@x3_kname")), "")
	down("reply, committed")
	s.Reply(b, &op.Reply{Outcome: op.Rejected, Reason: op.Illegal, Final: true, State: "Stopped", Version: 300, Serial: 301}, "it is in Stopped")
	down("reply, rejected")
	c.Cancel(d)
	up("cancel")
	s.Refuse(d, stream.Cancelled, "cancelled")
	down("refused")
	w := must(c.Watch(watch.Selection{Single: true, Prefix: "lifecycle/a", Resume: true, From: 300}, 4))
	up("watch, one machine")
	v := must(c.Watch(watch.Selection{Prefix: "life"}, 0))
	up("watch, a prefix")
	s.Refuse(v, op.Overloaded, "too many")
	down("refused, a watch")
	s.Begin(w)
	down("begin")
	require.Equal(t, 4, s.Changes(w, changes()))
	down("changes")
	c.Credit(w, 300)
	up("credit")
	s.End(w, op.Stopping, "resume elsewhere")
	down("end")
	s.Grant(5)
	down("credit")
	c.Ping(17)
	up("ping")
	down("pong")
	s.Goaway(stream.Stopping, "the node stops")
	down("goaway")
	return lines, payloads
}

// The file fixes the messages: it changes only with Version.
func TestGoldenMessages(t *testing.T) {
	lines, payloads := conversation(t)
	golden.Equal(t, "testdata/messages.txt", strings.Join(lines, "\n")+"\n")
	types := map[byte]bool{}
	for _, p := range payloads {
		types[p[0]] = true
		again, err := stream.Recode(p)
		require.NoError(t, err)
		require.Equal(t, p, again)
	}
	require.Len(t, types, 15, "every type of message")
}

// A message that is cut off, or longer, is none. The error names the field.
func TestMessagesAreStrict(t *testing.T) {
	_, payloads := conversation(t)
	for _, p := range payloads {
		for n := 1; n < len(p); n++ {
			again, err := stream.Recode(p[:n])
			if err == nil { // Changes with fewer events
				require.Equal(t, p[:n], again)
				require.EqualValues(t, 21, p[0])
				continue
			}
			require.ErrorIs(t, err, stream.ErrMessage)
		}
		_, err := stream.Recode(append(bytes.Clone(p), 0))
		require.ErrorIs(t, err, stream.ErrMessage, "%x", p)
	}
	request := stream.Payloads(func() []byte {
		c, _ := pair(t, hello)
		_, err := c.Request(&op.Request{Kind: op.Read, Key: "k", ID: "i", Attempt: 1}, 0)
		require.NoError(t, err)
		return c.Take(nil)
	}())[0]
	for _, bad := range []struct {
		at   int
		with byte
		want string
	}{
		{3, 0, "kind: 0"}, {3, 4, "kind: 4"}, {4, 4, "flags: 4"}, {6, 0xff, "key: not UTF-8"}, {5, 0x7f, "key: cut off"},
		{12, 1, "expect: set without its flag"},
	} {
		p := bytes.Clone(request)
		p[bad.at] = bad.with
		_, err := stream.Recode(p)
		require.ErrorIs(t, err, stream.ErrMessage)
		require.ErrorContains(t, err, bad.want)
	}
	for _, bad := range []struct{ hex, want string }{
		{"038000", "not a number in its shortest form"},
		{"03ffffffffffffffffff7f", "not a number in its shortest form"},
		{"15", "cut off"}, {"1501", "event: missing"}, {"150105", "event: 5"}, {"1900" + "00" + "00", "code: 0"},
	} {
		p, err := hex.DecodeString(bad.hex)
		require.NoError(t, err)
		_, err = stream.Recode(p)
		require.ErrorIs(t, err, stream.ErrMessage)
		require.ErrorContains(t, err, bad.want, bad.hex)
	}
}

// No bytes make an end panic, and a message that is accepted has one form.
func FuzzMessages(f *testing.F) {
	_, payloads := conversation(f)
	for _, p := range payloads {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) == 0 || len(p) > stream.MaxFrame {
			return
		}
		again, err := stream.Recode(p)
		if err == nil {
			require.Equal(t, p, again)
		} else {
			require.ErrorIs(t, err, stream.ErrMessage)
		}
		c, s := pair(t, hello)
		_, _ = c.Receive(stream.Frame(p))
		_, _ = s.Receive(stream.Frame(p))
	})
}

// The events do not depend on how a stream is cut, also of one that nobody has written.
func FuzzStreams(f *testing.F) {
	c, s := stream.NewClient(), stream.NewServer(hello)
	_, err := c.Receive(s.Take(nil))
	require.NoError(f, err)
	for range 3 {
		id(f)(c.Request(proposal("a"), 0))
	}
	c.Cancel(2)
	id(f)(c.Watch(watch.Selection{Prefix: "l"}, 3))
	c.Ping(1)
	f.Add(c.Take(nil), uint16(3))
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		run := func(size int) (log []string) {
			s := stream.NewServer(hello)
			for at := 0; at < len(b); at += size {
				events, err := s.Receive(b[at:min(at+size, len(b))])
				for _, e := range events {
					line := fmt.Sprint(e.Kind, e.ID, e.Remaining, e.Selection)
					if e.Request != nil {
						line += e.Request.String()
					}
					log = append(log, line)
				}
				if err != nil {
					return append(log, err.Error(), hex.EncodeToString(s.Take(nil)))
				}
			}
			return append(log, hex.EncodeToString(s.Take(nil)))
		}
		require.Equal(t, run(len(b)+1), run(int(size)+1))
	})
}
