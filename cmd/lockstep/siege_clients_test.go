package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	protocol "github.com/lockstep-dst/lockstep/node/stream"
)

// credential is the header of a client that may write, or of one that may only read.
func (b *besieger) credential() string {
	if b.random.IntN(2) == 0 {
		return ""
	}
	return "Authorization: Bearer " + b.plan.Token + "\r\n"
}

// streamSeeds are sound messages of a client, each without its id.
type streamSeeds struct{ hello, messages [][]byte }

// stream opens a stream, and sends mutated messages, up to one that breaks the protocol.
func (s *streamSeeds) stream(b *besieger) int64 {
	if s.messages == nil {
		s.load()
	}
	nc := dialAttack(b.plan.Clients[b.target()])
	if nc == nil {
		return 0
	}
	defer nc.Close()
	fmt.Fprintf(nc, "GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: lockstep\r\n%s\r\n", b.credential())
	in := bufio.NewReader(nc)
	head, err := http.ReadResponse(in, nil)
	if err != nil || head.StatusCode != http.StatusSwitchingProtocols {
		return 0
	}
	if b.random.IntN(16) == 0 { // not even the greeting is sound
		_, _ = nc.Write(frame(append([]byte{1}, b.mutate([][]byte{s.hello[0][1:]})...)))
		b.took()
		_ = nc.(*net.TCPConn).CloseWrite()
		discard(in)
		return 1
	}
	text, inputs, id, sound := frame(s.hello[0]), int64(0), uint64(0), true
	var payload []byte
	for inputs < 64 && sound {
		id++
		payload, sound = b.sound(s.messages, func(input []byte) bool { return s.sound(withID(input, id)) })
		payload = withID(payload, id)
		inputs++
		b.took()
		text = append(text, frame(payload)...)
	}
	if sound {
		text = append(text, frame([]byte{0xff})...)
	}
	if _, err := nc.Write(text); err != nil {
		return 0
	}
	if discard(in) {
		b.ended()
	}
	return inputs
}

// withID returns a message with an id behind its type.
func withID(message []byte, id uint64) []byte {
	if len(message) == 0 {
		return []byte{0}
	}
	return append(binary.AppendUvarint([]byte{message[0]}, id), message[1:]...)
}

// sound reports whether a node would take a message as the first after the greeting.
func (s *streamSeeds) sound(payload []byte) bool {
	end := protocol.NewServer(protocol.Hello{Operations: 100, Watches: 100})
	_, err := end.Receive(append(frame(s.hello[0]), frame(payload)...))
	return err == nil
}

// load reads the golden messages of clients.
func (s *streamSeeds) load() {
	text, err := os.ReadFile("../../node/stream/testdata/messages.txt")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(text)) {
		words, digits, _ := strings.Cut(line[:len(line)-1], "  ")
		b, err := hex.DecodeString(strings.TrimSpace(digits))
		if err != nil || len(b) < 9 {
			panic(line)
		}
		switch payload := b[8:]; {
		case strings.HasPrefix(words, "client: hello"):
			s.hello = append(s.hello, payload)
		case strings.HasPrefix(words, "client: "):
			_, n := binary.Uvarint(payload[1:])
			s.messages = append(s.messages, append([]byte{payload[0]}, payload[1+n:]...))
		}
	}
}

// requests are sound requests over HTTP: a method, a path and a body.
var requests = [][3]string{
	{"GET", "/v1/status"}, {"GET", "/v1/members"}, {"GET", "/v1/definitions"}, {"GET", "/v1/machines?prefix=life&limit=10"},
	{"GET", "/v1/machines/lifecycle/web?consistency=local"}, {"GET", "/v1/machines/lifecycle/web"}, {"GET", "/livez"}, {"GET", "/readyz"},
	{"POST", "/v1/machines/lifecycle/web/operations"},
	{"POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Running"}`},
	{"POST", "/v1/machines/lifecycle/web/transitions", `{"to":"Stopped","expect":1,"id":"4@abcdefghc1.1"}`},
	{"POST", "/v1/definitions", `{"name":"lamp","states":["off","on"],"initial":"off","transitions":[{"from":"off","to":"on"}]}`},
	{"POST", "/v1/backup", `{"keys":["lifecycle/web","lifecycle/x"]}`},
	{"POST", "/v1/members", `{"add":{"id":9,"address":"127.0.0.1:1"}}`},
}

// request sends mutated requests: some in which every byte may be changed, one on a connection,
// and on others some with a sound head and length.
func (b *besieger) request() int64 {
	nc := dialAttack(b.plan.Clients[b.target()])
	if nc == nil {
		return 0
	}
	defer nc.Close()
	in := bufio.NewReader(nc)
	if b.random.IntN(32) == 0 {
		q := requests[b.random.IntN(len(requests))]
		whole := []byte(httpRequest(q[0], q[1], b.credential(), q[2]))
		_, _ = nc.Write(b.mutate([][]byte{whole}))
		b.took()
		_ = nc.(*net.TCPConn).CloseWrite()
		b.response(in)
		discard(in)
		return 1
	}
	for inputs := int64(0); ; inputs++ {
		q := requests[b.random.IntN(len(requests))]
		path, body := q[1], q[2]
		if body == "" || b.random.IntN(4) == 0 {
			path = target(b.mutate([][]byte{[]byte(path)}))
		} else {
			body = string(b.mutate([][]byte{[]byte(body)}))
		}
		if strings.HasPrefix(path, "/v1/watch") {
			continue // it would not end
		}
		b.took()
		if _, err := io.WriteString(nc, httpRequest(q[0], path, b.credential(), body)); err != nil {
			return inputs
		}
		if !b.response(in) || inputs == 63 {
			return inputs + 1
		}
	}
}

func httpRequest(method, path, credential, body string) string {
	head := method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + credential
	if body != "" {
		head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return head + "\r\n" + body
}

// target makes a target of a request of any bytes, without spaces and control characters.
func target(b []byte) string {
	return "/" + string(bytes.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return '.'
		}
		return r
	}, b[min(1, len(b)):min(len(b), 4096)]))
}

// response reads a response, counts a refusal in the node's own words, and reports whether
// the connection goes on.
func (b *besieger) response(in *bufio.Reader) bool {
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	discard(r.Body)
	if r.StatusCode/100 == 4 && r.Header.Get("Content-Type") == httpapi.ProblemType {
		b.report.Refused++
	}
	return !r.Close
}
