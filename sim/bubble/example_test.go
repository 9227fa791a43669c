package bubble_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/bubble"
)

// An http.Server and an http.Client in a hundred worlds, over links that lose one
// segment in twenty.
func ExampleTest() {
	server := func(ctx context.Context, h *bubble.Host) error {
		l, err := h.Listen("tcp", ":80")
		if err != nil {
			return err
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "hello from", h.Name())
		})}
		context.AfterFunc(ctx, func() { _ = s.Close() })
		return s.Serve(l)
	}
	client := func(_ context.Context, h *bubble.Host) error {
		transport := &http.Transport{DialContext: h.DialContext}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get("http://node1/")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		h.Observe(bubble.Note(body))
		return err
	}
	_ = func(t *testing.T) { // the body of a test
		bubble.Test(t, bubble.Seeds{Count: 100}, func(uint64) bubble.Config {
			return bubble.Config{
				World: sim.Config{
					Processes: []sim.Spec{{ID: 1}, {ID: 101}},
					Network:   netmodel.Profile{Drop: 50_000, Delay: netmodel.Delay{Min: netmodel.Millisecond}},
				},
				Main: func(id sim.ID) bubble.Main {
					return map[sim.ID]bubble.Main{1: server, 101: client}[id]
				},
				Until: netmodel.Minute,
			}
		})
	}
}
