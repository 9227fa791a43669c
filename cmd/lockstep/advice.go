package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/session"
)

// noCluster is what to do if no node responds.
const noCluster = "is the cluster up? lockstep cluster --data DIR starts one here, and --endpoints names the nodes of another"

// unansweredAdvice returns the remedy if no node responds, by the text of the last error.
func unansweredAdvice(text string) string {
	for _, x := range []struct{ sign, advice string }{
		{client.ErrSpeaksTLS.Error(), "--tls-ca, --tls-cert and --tls-key name the certificates"},
		{client.ErrCertificate.Error(), "--tls-cert and --tls-key name a certificate of a client of this cluster: see lockstep certs client"},
		{client.ErrPlain.Error(), "leave --tls-ca, --tls-cert and --tls-key out for this cluster"},
		{"x509: certificate signed by unknown authority", "--tls-ca names the authority of the nodes' certificates: ca.crt of lockstep certs ca"},
		{"x509: ", "the node's certificate is not valid for this address or time: see lockstep certs node"},
		{": no such host", "--endpoints names a host that is not known: see to its spelling, and to the resolver of names"},
		{": EOF", "is that a port for clients, as in --http of a node? --endpoints names these, not the ports of peers"},
		{"malformed HTTP", "is that a port for clients, as in --http of a node? --endpoints names these, not the ports of peers"},
	} {
		if strings.Contains(text, x.sign) {
			return x.advice
		}
	}
	return noCluster
}

// adviceTimeout is the time for the definitions that an advice names. Without them an
// answer comes as it is.
const adviceTimeout = time.Second

// advise adds to the text of an operation that was rejected the definitions, states or
// transitions that there are.
func advise(ctx context.Context, c *client.Client, op session.Operation, r client.Result) client.Result {
	switch r.Reason {
	case node.UnknownDefinition, node.UnknownState, node.Illegal:
	default:
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, adviceTimeout)
	defer cancel()
	list, err := c.Definitions(ctx)
	if err != nil {
		return r
	}
	name, _, _ := fsm.SplitKey(op.Key)
	d := findDefinition(list, name)
	switch {
	case name == fsm.MetaName && r.Reason == node.Illegal:
		r.Text = op.Key + ": a definition is never changed or removed"
	case r.Reason == node.UnknownDefinition && d == nil:
		r.Text += "; " + existing(list)
	case d == nil: // the node that answers has not needed it yet
	case r.Reason == node.UnknownState:
		r.Text += fmt.Sprintf("; its states are %s", strings.Join(d.States, ", "))
	case r.Reason == node.Illegal:
		r.Text += "; " + legal(d, r.State)
	}
	return r
}

// adviseWatch adds to the error of a watch that is refused, because no node knows the
// definition of the machine, the definitions that there are.
func adviseWatch(ctx context.Context, c *client.Client, key string, err error) error {
	if !errors.Is(err, client.ErrRefused) || key == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, adviceTimeout)
	defer cancel()
	list, failed := c.Definitions(ctx)
	name, _, _ := fsm.SplitKey(key)
	if failed != nil || findDefinition(list, name) != nil {
		return err
	}
	return fmt.Errorf("%w; %s", err, existing(list))
}

// findDefinition returns the definition of a name, or nil.
func findDefinition(list []fsm.Definition, name string) *fsm.Definition {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// existing tells the definitions of a list, and the command that creates another.
func existing(list []fsm.Definition) string {
	var names []string
	for _, d := range list {
		names = append(names, d.Name)
	}
	const most = 10
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more (lockstep definitions)", more))
	}
	return fmt.Sprintf("known definitions: %s; lockstep define FILE creates another", strings.Join(names, ", "))
}

// legal tells the transitions of d that leave a state.
func legal(d *fsm.Definition, state string) string {
	var to []string
	for _, t := range d.Transitions {
		if t.From == state {
			to = append(to, t.To)
		}
	}
	if len(to) == 0 {
		return fmt.Sprintf("no transition leaves %s", state)
	}
	return fmt.Sprintf("from %s it can go to %s", state, strings.Join(to, ", "))
}

// stateText returns the state of a machine for people. That of a definition is its whole
// text, for which there is a command.
func stateText(key, state string) string {
	if strings.HasPrefix(key, fsm.MetaName+"/") && strings.HasPrefix(state, "{") {
		return "(defined)"
	}
	return state
}
