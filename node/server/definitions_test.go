package server_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/watch"
)

const lampText = `{"name":"lamp","states":["off","on"],"initial":"off","transitions":[{"from":"off","to":"on"},{"from":"on","to":"off"}]}`

// A definition is created once, at any node, and then holds at all of them. Creating
// an identical one again has no effect; a different one of the same name is
// rejected.
func TestDefine(t *testing.T) {
	c := startCluster(t, 3)
	a := c.request(1, "POST", "/v1/definitions", lampText)
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, watch.Machine{Key: "definition/lamp", State: lampText, Version: 1, Serial: 1}, a.Machine)
	require.Equal(t, a, c.request(2, "POST", "/v1/definitions", "name: lamp\nstates: [off, on]\ninitial: off\ntransitions: [off -> on, on -> off]\n"))
	require.Equal(t, "on", c.propose(3, "lamp/hall", `{"to":"on"}`).State)

	a = c.request(2, "POST", "/v1/definitions", "name: lamp\nstates: [off]\ninitial: off\ntransitions: [off -> off]\n")
	require.Equal(t, http.StatusConflict, a.Status)
	require.Equal(t, "illegal", a.Error.Code)
	require.Equal(t, "there is another definition lamp, and definitions do not change: choose another name", a.Error.Text)
	require.Equal(t, lampText, a.Current.State)
	a = c.request(2, "POST", "/v1/definitions", "name: lamp\nstates: [off]\n")
	require.Equal(t, http.StatusBadRequest, a.Status)
	require.Equal(t, "body:1: invalid definition: initial: missing", a.Error.Text)
}

// Rejected proposals under the name of a definition, however many, do not keep it
// from being created.
func TestDefineAfterRejectedProposals(t *testing.T) {
	c := startCluster(t, 1)
	for i := range 2 * c.configs[1].Node.DedupWindow {
		a := c.propose(1, "definition/lamp", fmt.Sprintf(`{"to":"(retired)","operation":"c%d"}`, i))
		require.Equal(t, "illegal", a.Error.Code)
		require.True(t, a.Final)
	}
	a := c.request(1, "POST", "/v1/definitions", lampText)
	require.Equal(t, http.StatusOK, a.Status, a.Error)
	require.Equal(t, uint64(1), a.Version)
	require.Equal(t, a, c.request(1, "POST", "/v1/definitions", lampText))
}
