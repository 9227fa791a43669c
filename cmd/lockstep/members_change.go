package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// membersPause is the time between two looks at a change.
const membersPause = 200 * time.Millisecond

// settleTime bounds the wait for nodes that lag behind the one that knows the change to be
// through.
const settleTime = 2 * time.Second

// membersView is the knowledge of all nodes that answer about the members.
type membersView struct {
	members  httpapi.Members // the latest
	endpoint string          // of the node that knows them
	lags     bool            // a member knows earlier ones
	err      error           // of the last endpoint, if none has answered
}

// view asks all endpoints at once.
func (a *clientFlags) view(ctx context.Context, c *client.Client) (v membersView) {
	ctx, cancel := context.WithTimeout(ctx, min(a.timeout, statusTimeout))
	defer cancel()
	endpoints := a.endpointList()
	all, errs := make([]httpapi.Members, len(endpoints)), make([]error, len(endpoints))
	var asked sync.WaitGroup
	for i, endpoint := range endpoints {
		asked.Go(func() { all[i], errs[i] = c.Members(ctx, endpoint) })
	}
	asked.Wait()
	for i := range all {
		if errs[i] == nil && v.better(&all[i]) {
			v.members, v.endpoint = all[i], endpoints[i]
		} else if errs[i] != nil {
			v.err = errs[i]
		}
	}
	if v.endpoint == "" {
		if !errors.Is(v.err, client.ErrRefused) {
			v.err = fmt.Errorf("%w: %w", client.ErrUnreachable, v.err)
		}
		return v
	}
	v.err = nil
	for i := range all {
		v.lags = v.lags || errs[i] == nil && all[i].Epoch < v.members.Epoch && memberOf(&v.members, all[i].Node) != nil
	}
	return v
}

// better reports whether a node's view goes before the one so far: it is of a later epoch,
// or of a voter, which knows how far the change is.
func (v *membersView) better(m *httpapi.Members) bool {
	if v.endpoint == "" || m.Epoch != v.members.Epoch {
		return v.endpoint == "" || m.Epoch > v.members.Epoch
	}
	return slices.Contains(m.Voters, m.Node) && !slices.Contains(v.members.Voters, v.members.Node)
}

func memberOf(m *httpapi.Members, id node.ID) *httpapi.Member {
	for i := range m.Members {
		if m.Members[i].Node == id {
			return &m.Members[i]
		}
	}
	return nil
}

// changeMembers asks the node with the latest members for a change, once, and waits until it
// is through, or only until the members show it.
func (a *clientFlags) changeMembers(cmd *cobra.Command, change httpapi.MemberChange, wait bool) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	v := a.view(cmd.Context(), c)
	if v.err != nil {
		return withExitCode(v.err)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
	defer cancel()
	accepted, err := c.ChangeMembers(ctx, v.endpoint, change)
	switch {
	case errors.Is(err, client.ErrRefused):
		return &cli.Error{Code: cli.Rejected, Text: err.Error()}
	case err != nil:
		return &cli.Error{Code: cli.Unknown, Text: fmt.Sprintf("whether the change is begun is not known: see lockstep members list: %v", err)}
	}
	return a.awaitChange(cmd, c, change, accepted.Epoch, wait)
}

// awaitChange waits until a change that began from an epoch is through, and shows how far it
// is. If wait is false, it waits only until the members show the change.
func (a *clientFlags) awaitChange(cmd *cobra.Command, c *client.Client, change httpapi.MemberChange, from uint32, wait bool) error {
	line := cli.NewStatusLine(cmd.ErrOrStderr())
	defer line.Clear()
	shown := ""
	var through time.Time // since when the change is; zero: it is not
	for {
		v := a.view(cmd.Context(), c)
		stage := stageOf(&change, &v.members, from)
		stage.done = stage.done || !wait && v.members.Epoch > from
		switch {
		case cmd.Context().Err() != nil:
			return &cli.Error{Code: cli.Unknown, Text: "interrupted: the change goes on, and lockstep members list shows how far it is"}
		case v.err != nil:
			stage.text = "no node answers: " + v.err.Error()
		case stage.overtaken:
			return &cli.Error{Code: cli.Rejected, Text: fmt.Sprintf("another change came first, or this one was abandoned: the voters are %d in epoch %d", v.members.Voters, v.members.Epoch)}
		case stage.done && through.IsZero():
			through = time.Now()
		}
		if stage.done && (!v.lags || time.Since(through) > settleTime) {
			line.Clear()
			return printMembers(cmd, &v.members)
		}
		if stage.text != shown {
			line.Show(stage.text)
			shown = stage.text
		}
		select {
		case <-cmd.Context().Done():
		case <-time.After(membersPause):
		}
	}
}

// changeStage is how far a change is.
type changeStage struct {
	done, overtaken bool
	text            string // what the change waits for
}

// stageOf says how far a change that began from an epoch is, as the members show.
func stageOf(change *httpapi.MemberChange, m *httpapi.Members, from uint32) changeStage {
	if m.Epoch <= from {
		return changeStage{text: fmt.Sprintf("the voters choose the members of epoch %d", from+1)}
	}
	x, stable := memberOf(m, change.Node), len(m.Next) == 0
	votes := slices.Contains(m.Voters, change.Node)
	waits := changeStage{text: waitText(m, x)}
	switch change.Change {
	case "remove":
		switch {
		case x == nil && stable:
			return changeStage{done: true}
		case x != nil && x.Role != httpapi.Leaving:
			return changeStage{overtaken: true}
		}
	case "move":
		return changeStage{done: x != nil && x.Address == change.Address, overtaken: x == nil || x.Address != change.Address}
	case "abandon":
		return changeStage{done: true}
	default: // a node comes
		comes := x != nil && (votes || x.Promote || x.Role == httpapi.Coming || change.Learner)
		switch {
		case !comes:
			return changeStage{overtaken: true}
		case votes && stable, change.Learner && x.Role == httpapi.Learner:
			return changeStage{done: true}
		}
	}
	return waits
}

// waitText names the next event of a change. x is the member that it is about; nil: it is gone.
func waitText(m *httpapi.Members, x *httpapi.Member) string {
	switch {
	case x != nil && x.Role == httpapi.Invited:
		return fmt.Sprintf("node %d has not introduced itself: start it, again if it runs, with an empty directory and --join %s", x.Node, presentMembers(m, x.Node))
	case x != nil && x.Role == httpapi.Learner:
		return fmt.Sprintf("node %d catches up", x.Node)
	case carryOverText(m) != "":
		return carryOverText(m)
	}
	return fmt.Sprintf("the voters change from %d to %d", m.Voters, m.Next)
}

// presentMembers lists the members that a node may ask for the others, as --join wants them.
func presentMembers(m *httpapi.Members, but node.ID) string {
	var list []string
	for i := range m.Members {
		if x := &m.Members[i]; x.Node != but && slices.Contains(m.Voters, x.Node) && x.Address != "" {
			list = append(list, fmt.Sprintf("%d=%s", x.Node, x.Address))
		}
	}
	return cmp.Or(strings.Join(list, ","), "ID=HOST:PORT of a present member")
}
