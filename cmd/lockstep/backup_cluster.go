package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// backup writes a backup of a running cluster, and waits for a majority that is away.
func (a *clientFlags) backup(cmd *cobra.Command, out string, rate int, wait time.Duration) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	defer c.Close()
	began := time.Now()
	s := &backupSource{client: c, timeout: a.timeout, wait: max(wait, a.timeout)}
	h, err := s.begin(cmd.Context(), a.endpointList())
	if err != nil {
		return withExitCode(err)
	}
	h.Taken = began.UTC().Truncate(time.Second)
	f, err := backup.Create(out, h)
	if err != nil {
		return err
	}
	read := 0
	pace := func(machines int) {
		read += machines
		if rate > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(float64(read) / float64(rate) * float64(time.Second)))))
		}
	}
	members := make([]int, len(s.used))
	for i := range members {
		members[i] = i
	}
	if err := backup.Collect(cmd.Context(), s, members, f.Writer, pace); err != nil {
		f.Abort()
		return withExitCode(err)
	}
	return commitBackup(cmd, f, out, h)
}

// backupSource is a running cluster, for a backup. Its members are numbered as in used.
type backupSource struct {
	client      *client.Client
	timeout     time.Duration // of a request
	wait        time.Duration // for nodes that do not answer
	used        []string      // endpoints of a majority, each of another node
	spare       []string      // endpoints of further nodes
	firstSerial uint64
}

// begin finds the nodes, and returns the header of a backup.
func (s *backupSource) begin(ctx context.Context, endpoints []string) (backup.Header, error) {
	h := backup.Header{Source: backup.QuorumReads}
	var last error
	var members httpapi.Members // the latest
	seen, answering := map[node.ID]bool{}, map[string]node.ID{}
	for _, e := range endpoints {
		st, err := s.status(ctx, e)
		if err != nil {
			last = err
			continue
		}
		switch {
		case st.Stage != "formed" || seen[st.Node]:
			continue
		case len(seen) > 0 && st.Formed != h.Formed:
			return h, fmt.Errorf("--endpoints: %s is of another cluster than the ones before it", e)
		}
		seen[st.Node], h.Cluster, h.Formed = true, st.Cluster, st.Formed
		s.used, answering[e] = append(s.used, e), st.Node
		if m := s.members(ctx, e, &st); m.Epoch > members.Epoch {
			members = m
		}
	}
	for i := range members.Members {
		h.Members = append(h.Members, uint16(members.Members[i].Node))
	}
	s.used = slices.DeleteFunc(s.used, func(e string) bool { return !slices.Contains(members.Voters, answering[e]) })
	majority := len(members.Voters)/2 + 1
	if len(s.used) == 0 || len(s.used) < majority {
		return h, fmt.Errorf("%w: %d voters of a formed cluster respond, and a backup needs %d: %w", client.ErrUnreachable, len(s.used), max(majority, 1), cmpErr(last))
	}
	s.used, s.spare = s.used[:majority], s.used[majority:]
	name := node.ClusterID(h.Cluster)
	h.ClusterName = fmt.Sprintf("%x", name)
	answer, err := s.client.BackupValues(ctx, []string{fsm.MetaName + "/" + fsm.Lifecycle().Name})
	s.firstSerial, h.FirstSerial = answer.FirstSerial, answer.FirstSerial
	return h, err
}

// cmpErr returns err, or a text in its place if there is none.
func cmpErr(err error) error {
	if err == nil {
		return errors.New("give the addresses of all nodes as --endpoints")
	}
	return err
}

func (s *backupSource) status(ctx context.Context, endpoint string) (httpapi.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, min(s.timeout, 2*time.Second))
	defer cancel()
	return s.client.Status(ctx, endpoint)
}

// members returns the members that a node knows. A node of an earlier build tells them in
// its status alone: they do not change.
func (s *backupSource) members(ctx context.Context, endpoint string, st *httpapi.Status) httpapi.Members {
	ctx, cancel := context.WithTimeout(ctx, min(s.timeout, 2*time.Second))
	defer cancel()
	m, err := s.client.Members(ctx, endpoint)
	if err != nil {
		m = httpapi.Members{Epoch: 1, Voters: st.Members}
		for _, id := range st.Members {
			m.Members = append(m.Members, httpapi.Member{Node: id, Role: httpapi.Voter})
		}
	}
	return m
}

// keysPage is the number of keys that a node is asked for at a time.
const keysPage = 1000

// Keys implements backup.Cluster. In the place of a node that does not answer, another one
// goes on: a majority has then listed these keys as well.
func (s *backupSource) Keys(ctx context.Context, member int, after string) (keys []string, next string, err error) {
	for deadline := time.Now().Add(s.wait); ; {
		limited, cancel := context.WithTimeout(ctx, s.timeout)
		page, err := s.client.ListAt(limited, s.used[member], client.ListOptions{After: after, Limit: keysPage})
		cancel()
		if err == nil {
			for _, m := range page.Machines {
				keys = append(keys, m.Key)
			}
			return keys, page.Next, nil
		}
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		if time.Now().After(deadline) {
			return nil, "", fmt.Errorf("%w: %s: %w", client.ErrUnreachable, s.used[member], err)
		}
		if len(s.spare) > 0 {
			s.used[member], s.spare = s.spare[0], append(s.spare[1:], s.used[member])
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Values implements backup.Cluster.
func (s *backupSource) Values(ctx context.Context, keys []string) (machines []backup.Machine, err error) {
	answer, err := s.client.BackupValues(ctx, keys)
	for deadline := time.Now().Add(s.wait); errors.Is(err, client.ErrUnreachable) && time.Now().Before(deadline); {
		answer, err = s.client.BackupValues(ctx, keys) // each takes the timeout of a request
	}
	if err != nil {
		return nil, err
	}
	if answer.FirstSerial != s.firstSerial {
		return nil, &cli.Error{Code: cli.Unreachable, Text: fmt.Sprintf("node %d counts serials from %d, and not from %d: it is of another cluster", answer.Node, answer.FirstSerial, s.firstSerial)}
	}
	for _, m := range answer.Machines {
		v, err := node.ParseValue(m.Value)
		if err != nil {
			return nil, fmt.Errorf("node %d: %s: %w", answer.Node, m.Key, err)
		}
		machines = append(machines, backup.Machine{Key: m.Key, Value: v})
	}
	return machines, nil
}
