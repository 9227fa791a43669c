package node

import "github.com/lockstep-dst/lockstep/node/op"

// The vocabulary of operations: aliases of the types of package op.
type (
	ID      = op.NodeID
	OpID    = op.ID
	Kind    = op.Kind
	Request = op.Request
	Reply   = op.Reply
	Outcome = op.Outcome
	Reason  = op.Reason
)

// The kinds of requests: see package op.
const (
	Propose   = op.Propose
	Read      = op.Read
	ReadLocal = op.ReadLocal
)

// The outcomes of attempts: see package op.
const (
	Committed = op.Committed
	Rejected  = op.Rejected
	Unknown   = op.Unknown
)

// The reasons of replies: see package op.
const (
	Illegal           = op.Illegal
	Overloaded        = op.Overloaded
	Timeout           = op.Timeout
	UnknownState      = op.UnknownState
	UnknownDefinition = op.UnknownDefinition
	BadRequest        = op.BadRequest
	Unreachable       = op.Unreachable
	VersionMismatch   = op.VersionMismatch
	WindowExpired     = op.WindowExpired
	WatermarkAhead    = op.WatermarkAhead
	IDConflict        = op.IDConflict
	QuotaReached      = op.QuotaReached
	Abstains          = op.Abstains
	NotLearnt         = op.NotLearnt
	Stopping          = op.Stopping
	OtherCluster      = op.OtherCluster
)

// Bounds of ids of operations, in bytes: see package op.
const (
	MaxOpID   = op.MaxID
	MaxOpName = op.MaxName
)

// Stamp returns an id with a watermark: see op.Stamp.
func Stamp(key string, watermark uint64, name string) OpID { return op.Stamp(key, watermark, name) }

// Once returns the id of an operation that has one attempt: see op.Once.
func Once(name string) OpID { return op.Once(name) }
