package op

// Outcome is the outcome of an attempt.
type Outcome uint8

// The outcomes.
const (
	Committed Outcome = iota + 1
	Rejected          // the attempt has had and will have no effect
	Unknown           // it may have taken effect, may yet, or never will
)

func (o Outcome) String() string { return [...]string{"?", "committed", "rejected", "unknown"}[o] }

// Reason is why an operation was rejected, or why an outcome is unknown.
type Reason string

// The reasons of a Reply. A rejection states that this attempt has had no effect
// and never will; Illegal also that the transition was illegal in the state then
// current. The rejection of a retry holds for all attempts.
const (
	Illegal           Reason = "illegal"
	Overloaded        Reason = "overloaded"         // the queue is full, or the log falls behind
	Timeout           Reason = "timeout"            // the consensus timeout has passed
	UnknownState      Reason = "unknown-state"      // the definition has no such state
	UnknownDefinition Reason = "unknown-definition" // no node knows the definition; a node may refuse a round for it, too
	BadRequest        Reason = "bad-request"        // invalid for every node
	Unreachable       Reason = "unreachable"        // there is no connection to a node; from clients
	VersionMismatch   Reason = "mismatch"           // the machine is at another version than expected
	WindowExpired     Reason = "forgotten"          // its watermark is below the dedup window: it may have taken effect
	WatermarkAhead    Reason = "base-ahead"         // its watermark is above the machine's serial: it was never issued
	IDConflict        Reason = "conflict"           // the operation with this id requested something else
	QuotaReached      Reason = "quota"              // the machine does not exist, and there is no room for another: see node.Quotas
	Abstains          Reason = "abstains"           // the node abstains: its log is disputed, or its cluster is not formed
)

// The reasons of a node or server that cannot answer.
const (
	NotLearnt Reason = "not-learnt" // local read: this life has learnt no chosen value, but has an accepted one
	Stopping  Reason = "stopping"   // the node stops or has stopped; from servers

	OtherCluster Reason = "other-cluster" // the request is for another cluster than the node's; from servers
)

// The reasons of a server that does not let a client do something.
const (
	Unauthenticated Reason = "unauthenticated" // the client has shown nothing that gives it a role, or something that is not valid
	Forbidden       Reason = "forbidden"       // the client's role may not do this
	RateLimited     Reason = "rate-limited"    // the client uses its share of the node: it may try again later
)
