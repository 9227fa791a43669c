package service

import (
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// Ticket names a call, a listing or a watch. The runtime chooses it, and uses it once
// in a life.
type Ticket uint64

// EventKind is the kind of an Event. It determines which fields count.
type EventKind uint8

// The kinds of events.
const (
	OfMember    EventKind = iota // Member: a message of a peer, a disk completion, or Boot, which comes first and alone
	Call                         // a client sends a request to the node: Ticket, Request, Expires
	List                         // a client requests a page of a listing: Ticket, Query
	Watch                        // a client begins a watch: Ticket, Query
	Pull                         // a watch takes the next changes, once there are some: Ticket
	Abandon                      // the client of a call, a listing or a watch has gone: Ticket
	Drain                        // new requests are rejected from now on, since the node is about to stop
	Reconfigure                  // an operator asks for a change of members: Ticket, Change
	Met                          // the node has learnt of a member that its log does not know: Member.From
	Removed                      // a peer has refused this node as one that was removed: Member.From
)

// Event is one event of a step.
type Event struct {
	Kind    EventKind
	Ticket  Ticket
	Member  node.Event
	Request *node.Request
	Query   *Query
	Change  configuration.Change
	Expires time.Duration // the local time from which on no client awaits the reply; 0: unknown
}

// Query selects the machines of a listing or a watch. A listing goes by Prefix only, of
// its Selection.
type Query struct {
	watch.Selection

	// Of a listing.
	After        string // only keys above this one
	State        string // only machines in this state; empty: any
	Limit        int    // the most machines of a page
	Linearizable bool   // read each machine; otherwise: as known to this node

	// Keys, of a listing, are the machines to read from a majority, with their values, for
	// a backup. Nothing else counts then.
	Keys []string
}

// Effects is the output of one step. It is valid until the next step.
type Effects struct {
	Disk    []wal.DiskRequest // to be executed in order
	Sends   []node.Send       // to peers; they may be sent at once
	Replies []Reply           // the outcomes of calls, each once
	Pages   []Page            // the results of listings, each once
	Updates []Update          // the answers to Watch and Pull
	Chosen  []node.ChosenValue
	Asked   []Asked // the answers to Reconfigure, each once

	RoundTimes []time.Duration // as in node.Effects

	// Wake is the local time of the next step, unless an event comes earlier; it may
	// have passed. Never is no step.
	Wake time.Duration
}

// Never is the Wake of a service without timers.
const Never = time.Duration(1<<63 - 1)

// Reply is the outcome of a call. Own is set if the node gave none: it was not ready in
// time, the call had expired, there was no room, or the node stops; Err is set in the last
// two cases.
// Reply holds what that means for the request.
type Reply struct {
	Ticket Ticket
	Reply  *node.Reply
	Own    bool
	Err    error
	Took   time.Duration // from the step that took the call
}

// Asked is the answer to an operator who asked for a change of members. Without an error
// the member proposes it, and goes on until it is made, or another change comes before it:
// the configuration shows that.
type Asked struct {
	Ticket Ticket
	Epoch  uint32 // from which the change leads to the next
	Err    error  // wraps configuration.ErrChange
}

// Page is the result of a listing: a page of machines, or the reply that refuses it.
// Next is the After of the following page; a page without it is the last. A page may
// be shorter than its limit, even empty.
type Page struct {
	Ticket      Ticket
	Machines    []Listed
	Values      []Known // of Query.Keys, without machines that have no entry
	FirstSerial uint64  // with Values: from which the cluster counts serials
	Next        string
	Refused     *node.Reply // not committed, or nil
	Err         error       // with Refused: the node gave no reply
}

// Listed is a machine in a listing.
type Listed struct {
	Key     string
	State   string
	Version uint64
	Unknown bool // the node has accepted a value and learnt none: ignore State and Version
}

// Update is an answer to Watch, which says whether the watch begins, or to Pull. An end is
// told at once, also if its client has not pulled; so a client may have two to take. After
// an Update that refuses or ends it, the watch is over.
type Update struct {
	Ticket  Ticket
	Refused *node.Reply // the watch does not begin; not committed
	Err     error       // with Refused: explains it to people; nil if the node replied
	Begin   []Known     // the state from which the events of these machines begin
	Changes []Change    // later changes, in order
	End     EndReason   // the watch has ended after Changes; NotEnded: it has not
	Cause   error       // with Stopped: why the node stopped by itself, or nil
}

// Known is a machine with the latest value that the node knows to be chosen.
type Known struct {
	Key   string
	Value *node.Value // nil: the node has accepted a value, and learnt none
}

// Change is a change of a machine that the node has learnt, from one chosen value to
// a later one. Had is nil if the node had learnt none before.
type Change struct {
	Key      string
	Had, Now *node.Value
}

// EndReason is the reason why a watch ended.
type EndReason uint8

// The reasons of the end of a watch.
const (
	NotEnded  EndReason = iota
	TooSlow             // more has changed than the service keeps for a watcher
	Abstained           // the member's log is disputed, and it takes no part any more
	Stopped             // the node stops
)
