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
	"github.com/lockstep-dst/lockstep/checker/jsonobject"
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
	number := 1
	for ; !bad.Full() && lines.Scan(); number++ {
		text := bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff"))
		if err := r.add(text); err != nil {
			bad.Add(number, err)
		}
	}
	switch err := lines.Err(); {
	case bad.Full():
		bad.Stop()
	case errors.Is(err, bufio.ErrTooLong):
		bad.Add(number, fmt.Errorf("longer than %d bytes, so this is no report: its lines have one operation each; the rest was not read", history.MaxLine))
	case err != nil: // the last line, of which it left a part, may be bad for that alone
		return fmt.Errorf("history: line %d: %w", max(number-1, 1), err)
	}
	return bad.Err()
}

// add adds the operation of a line.
func (r *Report) add(text []byte) error {
	o, err := parse(text)
	if err != nil {
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

// parse returns the operation of a line.
func parse(text []byte) (o operation, err error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return o, errors.New("empty: delete it")
	}
	if err := jsonobject.CheckLine(text); err != nil {
		return o, err
	}
	if err := checkUnique(json.NewDecoder(bytes.NewReader(text))); err != nil {
		return o, err
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return o, fmt.Errorf("not an operation of a report: delete it, or correct it: %w", err)
	}
	return o, o.validate()
}

// checkUnique returns an error if an object in the next value, which must be valid,
// has a key twice. Letters in upper and lower case are alike, as in json.Unmarshal.
func checkUnique(in *json.Decoder) error {
	open, err := in.Token()
	if _, nested := open.(json.Delim); err != nil || !nested {
		return err
	}
	keys := map[string]bool{}
	for in.More() {
		if open == json.Delim('{') {
			key, err := in.Token()
			if err != nil {
				return err
			}
			name := strings.ToLower(key.(string))
			if keys[name] {
				return fmt.Errorf("the key %q is there twice: remove one", key)
			}
			keys[name] = true
		}
		if err := checkUnique(in); err != nil {
			return err
		}
	}
	_, err = in.Token()
	return err
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
	if err := o.checkResponse(); err != nil {
		return err
	}
	answered := !o.unanswered() && o.Output.ClientError == "" && !o.Output.PartialResponse
	switch {
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

// checkResponse returns an error if there is no response, or if its times or its revision
// cannot be.
func (o *operation) checkResponse() error {
	switch {
	case o.Output == nil:
		return errors.New("field Output: missing or null: each operation has the response there, or the error")
	case o.Call < 0 || o.Call > history.MaxTime:
		return fmt.Errorf("field Call: %d is not within 0 to 2^62: give nanoseconds since the start of the run", o.Call)
	case !o.unanswered() && (o.Return < o.Call || o.Return > history.MaxTime):
		return fmt.Errorf("field Return: %d is not within the Call, %d, to 2^62: take both times from one clock that never goes back", o.Return, o.Call)
	case o.Output.Revision < unordered:
		return fmt.Errorf("field Revision: %d of the Output is negative: want that of the store, or %d if the response need not fit the order", o.Output.Revision, unordered)
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
	text := cmp.Or(k.Start, `""`)
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
