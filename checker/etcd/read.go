package etcd

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Name is the name of the model.
const Name history.Model = "etcd"

// Report is what was read of the clients of one run.
type Report struct {
	ops      []history.Operation
	requests map[string]operation // by id
	clients  map[int]int          // number of operations
}

// Read adds the operations of a file to r. Errors about the contents wrap
// history.ErrFormat and list bad lines, see history.BadLines.
func (r *Report) Read(in io.Reader) error {
	if r.requests == nil {
		r.requests, r.clients = map[string]operation{}, map[int]int{}
	}
	var bad history.BadLines
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), history.MaxLine)
	for number := 1; lines.Scan(); number++ {
		text := bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff"))
		if err := r.add(text); err != nil {
			bad.Add(number, err)
		}
		if bad.Full() {
			bad.Stop()
			break
		}
	}
	if err := bad.Err(); err != nil {
		return err
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// add adds the operation of a line.
func (r *Report) add(text []byte) error {
	var o operation
	if err := json.Unmarshal(text, &o); err != nil {
		return fmt.Errorf("not an operation of a report: delete it, or correct it: %w", err)
	}
	if err := o.validate(); err != nil {
		return err
	}
	r.clients[o.ClientId]++
	op := history.Operation{
		Client: o.ClientId, ID: fmt.Sprintf("c%d.%d", o.ClientId, r.clients[o.ClientId]), Kind: history.Kind(o.Input.Type),
		Argument: o.Input.String(), Call: o.Call, Return: o.Return, Outcome: history.Committed, Version: o.Output.Revision,
	}
	switch {
	case o.unanswered():
		op.Outcome, op.Return, op.Reason, op.Version = history.Unknown, history.NoReturn, cmp.Or(o.Output.Error, "persisted"), history.NoVersion
	case o.Output.ClientError != "":
		op.Outcome, op.Reason, op.Version = history.Rejected, o.Output.ClientError, history.NoVersion
	case o.claimsNothing():
		op.Outcome, op.Reason, op.Version = history.Rejected, "unordered", history.NoVersion
	default:
		op.State = o.Output.text(&o.Input)
	}
	r.ops = append(r.ops, op)
	r.requests[op.ID] = o
	return nil
}

// unanswered reports whether the outcome of a request is unknown.
func (o *operation) unanswered() bool { return o.Output.Error != "" || o.Output.Persisted }

// claimsNothing reports whether a request has neither an effect on responses of
// others nor a response that must fit the order.
func (o *operation) claimsNothing() bool {
	switch o.Input.Type {
	case typeDefragment, typeCompact:
		return true
	case typeRange:
		return o.Output.Revision == unordered
	}
	return false
}

func (o *operation) validate() error {
	known := true
	switch o.Input.Type {
	case typeRange:
		known = o.Input.Range != nil
	case typeTxn:
		known = o.Input.Txn != nil
	case typeLeaseGrant:
		known = o.Input.LeaseGrant != nil
	case typeLeaseRevoke:
		known = o.Input.LeaseRevoke != nil
	case typeDefragment, typeCompact:
	case "":
		return errors.New("the type of the request is missing: this is no operation of a report of etcd's robustness tests")
	default:
		return fmt.Errorf("type %q of a request is not known", o.Input.Type)
	}
	if !known {
		return fmt.Errorf("the input, a request of type %s, lacks its part of that name", o.Input.Type)
	}
	answered := !o.unanswered() && o.Output.ClientError == "" && !o.Output.PartialResponse
	switch {
	case o.Call < 0 || answered && o.Return < o.Call:
		return fmt.Errorf("the return, %d, is before the call, %d", o.Return, o.Call)
	case answered && o.Input.Type == typeTxn && o.Output.Txn == nil, answered && o.Input.Type == typeRange && o.Output.Range == nil:
		return fmt.Errorf("the output, a response to a %s, lacks its part of that name, and there is no error", o.Input.Type)
	}
	if o.Input.Txn == nil {
		return nil
	}
	for _, s := range slices.Concat(o.Input.Txn.OperationsOnSuccess, o.Input.Txn.OperationsOnFailure) {
		if s.Type != stepRange && s.Type != stepPut && s.Type != stepDelete {
			return fmt.Errorf("type %q of an operation is not known", s.Type)
		}
	}
	return nil
}

// History returns the operations in order of call. Read nothing after it.
func (r *Report) History() history.History {
	r.resolve()
	h := history.History{Model: Name, Operations: slices.Clone(r.ops)}
	slices.SortStableFunc(h.Operations, func(x, y history.Operation) int { return cmp.Compare(x.Call, y.Call) })
	return h
}

// String describes all of a request: equal requests have equal texts.
func (q *request) String() string {
	switch q.Type {
	case typeRange:
		text := q.Range.keyRange.String()
		if q.Range.Revision != 0 {
			text += fmt.Sprintf(" at revision %d", q.Range.Revision)
		}
		return text
	case typeTxn:
		return q.Txn.String()
	case typeLeaseGrant:
		return fmt.Sprint(q.LeaseGrant.LeaseID)
	case typeLeaseRevoke:
		return fmt.Sprint(q.LeaseRevoke.LeaseID)
	}
	return ""
}

func (k keyRange) String() string {
	text := k.Start
	if k.End != "" {
		text = fmt.Sprintf("[%s, %s)", k.Start, k.End)
	}
	if k.KeysOnly {
		text += " keys only"
	}
	if k.CountOnly {
		text += " count only"
	}
	if k.Limit != 0 {
		text += fmt.Sprintf(" limit %d", k.Limit)
	}
	return text
}

func (q *txnRequest) String() string {
	var conditions []string
	for _, c := range q.Conditions {
		if c.ExpectedVersion != 0 {
			conditions = append(conditions, fmt.Sprintf("%s has version %d", c.Key, c.ExpectedVersion))
		} else {
			conditions = append(conditions, fmt.Sprintf("%s is of revision %d", c.Key, c.ExpectedRevision))
		}
	}
	text := ""
	if len(conditions) > 0 {
		text = "if " + strings.Join(conditions, " and ") + ": "
	}
	text += "(" + describeSteps(q.OperationsOnSuccess) + ")"
	if len(q.OperationsOnFailure) > 0 {
		text += " else (" + describeSteps(q.OperationsOnFailure) + ")"
	}
	return text
}

func describeSteps(steps []step) string {
	var words []string
	for _, s := range steps {
		switch s.Type {
		case stepRange:
			words = append(words, "range "+s.Range.String())
		case stepPut:
			text := fmt.Sprintf("put %s = %s", s.Put.Key, s.Put.Value)
			if s.Put.LeaseID != 0 {
				text += fmt.Sprintf(" on lease %d", s.Put.LeaseID)
			}
			words = append(words, text)
		case stepDelete:
			words = append(words, "delete "+s.Delete.Key)
		}
	}
	return strings.Join(words, "; ")
}

func (c content) String() string {
	if c.Hash != 0 {
		return fmt.Sprintf("#%x", c.Hash)
	}
	return fmt.Sprintf("%q", c.Value)
}

// text describes a response.
func (p *response) text(q *request) string {
	switch {
	case p.PartialResponse:
		return "a part of the response"
	case q.Type == typeRange:
		return p.Range.String()
	case q.Type != typeTxn:
		return ""
	}
	var words []string
	for i := range p.Txn.Results {
		words = append(words, p.Txn.Results[i].String())
	}
	text := "(" + strings.Join(words, "; ") + ")"
	if p.Txn.Failure {
		return "failure " + text
	}
	return "success " + text
}

func (r *result) String() string {
	if r.Deleted > 0 {
		return fmt.Sprintf("%d deleted", r.Deleted)
	}
	words := []string{}
	for _, kv := range r.KVs {
		words = append(words, fmt.Sprintf("%s = %s of revision %d", kv.Key, kv.Value, kv.ModRevision))
	}
	if int64(len(r.KVs)) != r.Count {
		words = append(words, fmt.Sprintf("of %d", r.Count))
	}
	return "[" + strings.Join(words, ", ") + "]"
}
