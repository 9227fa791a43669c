package lockstep

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/sim/fieldtest"
)

// A field that the digest of a message leaves out could differ between two runs of
// a seed, or be lost in transit, and the hash of the run would not change.
func TestEveryFieldOfAMessageChangesItsDigest(t *testing.T) {
	for _, m := range []node.Message{
		&node.Proposal{}, &node.Acknowledgment{}, &node.Reject{}, &node.Commit{}, &node.ReadRequest{}, &node.ReadReport{},
		&node.Request{}, &node.Reply{}, &node.RepairRequest{}, &node.RepairReport{}, &node.RepairValue{}, &member.Introduction{},
	} {
		requireDigests(t, reflect.TypeOf(m).Elem(), func(m any) uint64 { return (&envelope{Message: m.(node.Message)}).Digest() })
	}
	require.Len(t, messageKinds, 1+12+3, "a type of messages is missing here; three come in two phases")
}

// The digests of observations leave out the fields listed here, which follow from the
// messages before them.
func TestEveryFieldOfAFactChangesItsDigest(t *testing.T) {
	requireDigests(t, reflect.TypeFor[node.Observation](), func(f any) uint64 { return (&nodeObservation{*f.(*node.Observation)}).Digest() },
		"Observation.Rejections", "Observation.Waiting", "Observation.Attempts", "Observation.Client", "Observation.Key", "Observation.BaseBallot.", "Observation.Reply", "Observation.Request",
		"Observation.Value.")
	requireDigests(t, reflect.TypeFor[member.Observation](), func(f any) uint64 { return (&memberObservation{*f.(*member.Observation)}).Digest() },
		"Observation.Log.Incarnation", "Observation.Log.Boot", "Observation.Log.Past", "Observation.Log.Complete", "Observation.Cluster.Stage", "Observation.Cluster.Members", "Observation.Discrepancy")
}

// requireDigests sets each place of a type, except for places with a prefix in but. It
// requires a digest that differs from that of the zero value and of every other place.
func requireDigests(t *testing.T, typ reflect.Type, digest func(any) uint64, but ...string) {
	t.Helper()
	seen := map[uint64]string{digest(reflect.New(typ).Interface()): "nothing"}
	left := map[string]bool{}
	for _, p := range (fieldtest.Walker{}).Places(typ) {
		v := reflect.New(typ).Interface()
		p.Set(v)
		h := digest(v)
		same, found := seen[h]
		if prefix := prefixOf(p.Path, but); prefix != "" {
			left[prefix], seen[h] = left[prefix] || found, p.Path
			continue
		}
		if found && prefixOf(same, but) == "" {
			t.Errorf("%s: the digest is the same with %s and with %s", typ, p.Path, same)
		}
		seen[h] = p.Path
	}
	for _, prefix := range but {
		if !left[prefix] {
			t.Errorf("%s: the digest has %s: take it off the list", typ, prefix)
		}
	}
}

func prefixOf(path string, prefixes []string) string {
	for _, p := range prefixes {
		if strings.HasPrefix(path, p) {
			return p
		}
	}
	return ""
}
