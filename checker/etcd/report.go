package etcd

// operation is one line of a report: the parts of a porcupine.Operation.
type operation struct {
	ClientId     int
	Input        request
	Call, Return int64
	Output       *response
	resolved     bool // see Report.resolve: it made its revision
}

// request is a request of one of the types: the field of its name is set.
type request struct {
	Type        string
	Range       *rangeRequest
	Txn         *txnRequest
	LeaseGrant  *lease
	LeaseRevoke *lease
	Defragment  *struct{}
	Compact     *struct{ Revision int64 }
}

// Types of requests.
const (
	typeRange       = "range"
	typeTxn         = "txn"
	typeLeaseGrant  = "leaseGrant"
	typeLeaseRevoke = "leaseRevoke"
	typeDefragment  = "defragment"
	typeCompact     = "compact"
)

// keyRange is one key, or those from Start to before End.
type keyRange struct {
	Start, End string
	Limit      int64 // 0: none
	KeysOnly   bool  // without values
	CountOnly  bool  // without keys and values
}

type rangeRequest struct {
	keyRange
	Revision int64 // 0: the current one
}

type lease struct{ LeaseID int64 }

// txnRequest is a transaction: if all conditions hold it does some operations,
// and otherwise others.
type txnRequest struct {
	Conditions          []condition
	OperationsOnSuccess []step
	OperationsOnFailure []step
}

// condition holds if the key was changed last by a revision, 0 if there is no
// key; or if it has a version, unless that is 0.
type condition struct {
	Key                               string
	ExpectedRevision, ExpectedVersion int64
}

// step is one operation of a transaction.
type step struct {
	Type  string
	Range keyRange
	Put   struct {
		Key     string
		Value   content
		LeaseID int64 // 0: none
	}
	Delete struct{ Key string }
}

// Types of steps.
const (
	stepRange  = "range-operation"
	stepPut    = "put-operation"
	stepDelete = "delete-operation"
)

// content is a value, or the hash of a long one.
type content struct {
	Value string
	Hash  uint32
}

type response struct {
	Txn *struct {
		Failure bool
		Results []result
	}
	Range           *result
	Revision        int64 // of the store; unordered if that is not linearizable
	Error           string
	ClientError     string // an answer of the store: the request had no effect
	PartialResponse bool   // only Revision counts
	Persisted       bool   // there was no response, but others show that the request took effect
}

// unordered is the revision of responses that need not fit the order.
const unordered = -1

// result is the result of a range or a step.
type result struct {
	KVs     []keyValue
	Count   int64
	Deleted int64
}

type keyValue struct {
	Key         string
	Value       content
	ModRevision int64
	Version     int64 // 0: not reported
}
