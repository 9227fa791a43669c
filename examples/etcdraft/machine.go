package etcdraft

import (
	"encoding/binary"
	"encoding/json"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim/kit"
	pb "go.etcd.io/raft/v3/raftpb"
)

// command is an operation as an entry of the log has it.
type command struct{ ID, Kind, Key, Argument, Expected string }

// encode returns c as bytes: each field after its length.
func (c *command) encode() []byte {
	var b []byte
	for _, f := range []string{c.ID, c.Kind, c.Key, c.Argument, c.Expected} {
		b = binary.AppendUvarint(b, uint64(len(f)))
		b = append(b, f...)
	}
	return b
}

// decodeCommand decodes what encode has made.
func decodeCommand(b []byte) (c command) {
	for _, f := range []*string{&c.ID, &c.Kind, &c.Key, &c.Argument, &c.Expected} {
		n, width := binary.Uvarint(b)
		*f, b = string(b[width:width+int(n)]), b[width+int(n):]
	}
	return c
}

// isCommand reports whether an entry has a command. Others are of raft: the first entry
// of a leader, and changes of the members.
func isCommand(e *pb.Entry) bool { return e.GetType() == pb.EntryNormal && len(e.GetData()) > 0 }

// machine is the replicated key-value store. Its fields are the contents of a snapshot.
type machine struct {
	Index   uint64            // of the last entry applied
	Digest  uint64            // of all entries applied and their results, in order
	Values  map[string]string // by key
	Results map[string]result // by operation: one that is proposed again is not applied again
}

// result is the answer to an operation that was applied.
type result struct {
	Answer kit.Answer // Done, or Void: it was refused in this state
	Value  string     // of the key, after it
}

func newMachine() *machine {
	return &machine{Values: map[string]string{}, Results: map[string]result{}}
}

// restore returns the machine of a snapshot; without data the one before the first entry.
func restore(data []byte, index uint64) *machine {
	m := newMachine()
	if len(data) > 0 {
		must(json.Unmarshal(data, m))
	}
	m.Index = index
	return m
}

func (m *machine) snapshot() []byte {
	data, err := json.Marshal(m)
	must(err)
	return data
}

// read returns the value of a key.
func (m *machine) read(key string) string {
	if value, ok := m.Values[key]; ok {
		return value
	}
	return history.NoValue
}

// apply carries out a command.
func (m *machine) apply(c command) result {
	r := result{Answer: kit.Done}
	switch old, ok := m.Values[c.Key]; history.Kind(c.Kind) {
	case history.KindWrite:
		m.Values[c.Key] = c.Argument
	case history.KindAppend:
		m.Values[c.Key] = old + c.Argument
	case history.KindDelete:
		delete(m.Values, c.Key)
	case history.KindCAS:
		if c.Expected == history.NoValue && ok || c.Expected != history.NoValue && c.Expected != old {
			r.Answer = kit.Void
			break
		}
		m.Values[c.Key] = c.Argument
	}
	r.Value = m.read(c.Key)
	m.Results[c.ID] = r
	return r
}

// advance notes that the entry at index was applied, with its result.
func (m *machine) advance(index, term uint64, data []byte, r result) {
	m.Index = index
	m.Digest = keyed.Mix(keyed.Mix(keyed.Mix(m.Digest, index), term), keyed.String(string(data)))
	m.Digest = keyed.Mix(keyed.Mix(m.Digest, uint64(r.Answer)), keyed.String(r.Value))
}
