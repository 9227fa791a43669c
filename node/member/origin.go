package member

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/tlv"
)

// A log that was restored from a backup holds values that all members are said to have
// accepted. That is true only if all were restored from one backup, for one cluster. So
// until the cluster is formed introductions name the log's origin, in Introduction.More,
// and no member binds itself to one whose log has another origin, or none.

// moreOrigin is the number of the field of Introduction.More with the id of the log's
// origin, and the backup's digest.
const moreOrigin = 1

// origin is the origin of a log as introductions show it; zero: it began empty.
type origin struct{ id, backup [32]byte }

func originOf(o *node.Origin) origin {
	if o == nil {
		return origin{}
	}
	return origin{o.ID, o.Backup}
}

// append appends the field of o to the rest of an introduction, if there is an origin.
func (o origin) append(more []byte) []byte {
	if o == (origin{}) {
		return more
	}
	return tlv.Append(more, moreOrigin, append(append([]byte{}, o.id[:]...), o.backup[:]...))
}

// origin returns the origin that the introduction shows. It passes over other fields, and
// over what it cannot read: that is then another origin than any.
func (i *Introduction) origin() (o origin) {
	for more := i.More; len(more) > 0; {
		number, data, rest, ok := tlv.Next(more)
		if !ok {
			return o
		}
		if number == moreOrigin && len(data) == len(o.id)+len(o.backup) {
			o.id, o.backup = [32]byte(data), [32]byte(data[len(o.id):])
		}
		more = rest
	}
	return o
}

// otherOrigin returns why a member with that introduction cannot form a cluster with this
// one; empty: their logs have the same origin.
func (m *Member) otherOrigin(in *Introduction) string {
	own, other := originOf(m.node.Origin()), in.origin()
	switch {
	case own == other:
		return ""
	case own == (origin{}):
		return fmt.Sprintf("it was restored from the backup %x, and this node was not: restore the directory of every member from that file", other.backup[:8])
	case other == (origin{}):
		return fmt.Sprintf("it was not restored from a backup, and this node was, from %x: restore the directory of every member from that file", own.backup[:8])
	case own.backup != other.backup:
		return fmt.Sprintf("it was restored from the backup %x, and this node from %x: restore the directories of all members from one file", other.backup[:8], own.backup[:8])
	}
	return fmt.Sprintf("it was restored from the same backup, %x, for another cluster or other members: restore the directories of all members with the same --cluster and --peers", own.backup[:8])
}
