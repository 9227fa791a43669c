package tcp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node/wire"
)

// The first byte of a verdict.
const (
	verdictYes byte = 1
	verdictNo  byte = 2
)

// maxReason bounds the text that a refusal of an earlier build has in place of a code.
const maxReason = 256

var errBadVerdict = errors.New("neither yes nor no in a handshake")

// refusalCodes are the reasons for which a node refuses another, by their codes in a
// verdict, from 1. The other side learns the code and nothing else: who is refused may
// be a stranger. hint explains to the operator of the refused node what is wrong with
// it. The list only grows, at its end.
var refusalCodes = []struct {
	reason error
	hint   string
}{
	{wire.ErrProtocol, "the two speak no version of the protocol in common: run the same version everywhere"},
	{wire.ErrCluster, "it belongs to another cluster: check the peers' addresses, and the cluster that both are started for"},
	{wire.ErrEpoch, "the two have different members: wait until both have learnt the latest"},
	{wire.ErrCodec, "the two read no codec in common: choose the same everywhere"},
	{wire.ErrNode, "the two have the same number: give each node its own"},
	{ErrNotMember, "this node is not one of its members: add it there (lockstep members add), or correct this node's number"},
	{ErrWrongNode, "it has dialled another member than this node: check the addresses of its peers"},
	{ErrNotOwner, "this node's certificate is that of another node: give each node the certificate with its own number"},
	{ErrFormerMember, "this node was removed from the members, and an id is not used again: to have a node in this place, empty the directory, start it with a new id and --join, and add that one"},
}

// formerProof shows a node that is refused as a former member that the refusal is of its own
// cluster: a node of another one, of the same name, may be at the address by a mistake. A
// stranger without the random id of the formed cluster learns nothing of it. It is nil
// while the cluster is not formed.
func formerProof(formed [16]byte, refused wire.Hello) []byte {
	if formed == [16]byte{} {
		return nil
	}
	text := append([]byte("lockstep former member "), formed[:]...)
	text = binary.LittleEndian.AppendUint16(text, uint16(refused.Node))
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(text, refused.Life))
	return sum[:formerProofSize]
}

const formerProofSize = 16

// formerCode is the code of ErrFormerMember.
const formerCode = 9

// appendVerdict appends a frame with a yes, or with a no and the code of the reason. A proof
// follows the code of former members.
func appendVerdict(dst []byte, refusal error, proof []byte) []byte {
	verdict := []byte{verdictYes}
	if refusal != nil {
		verdict = []byte{verdictNo, 0}
		for i := range refusalCodes {
			if errors.Is(refusal, refusalCodes[i].reason) {
				verdict[1] = byte(i + 1)
			}
		}
		if errors.Is(refusal, ErrFormerMember) {
			verdict = append(verdict, proof...)
		}
	}
	return must(wire.AppendFrame(dst[:len(dst):len(dst)], verdict))
}

// peerRefusal is the error of a node that a peer refuses, for a reason that both know.
type peerRefusal struct {
	reason error // of the peer, as in refusalCodes
	hint   string
	proof  []byte // of ErrFormerMember
}

func (r *peerRefusal) Error() string { return ErrPeerRefused.Error() + ": " + r.hint }

func (r *peerRefusal) Unwrap() error { return ErrPeerRefused }

// refusedFor reports whether a handshake ended with a peer's no for a reason.
func refusedFor(err, reason error) bool {
	var r *peerRefusal
	return errors.As(err, &r) && r.reason == reason
}

// provesRemoval reports whether a handshake ended with a no to this node as a former member,
// by a node of the same formed cluster.
func (t *Transport) provesRemoval(err error) bool {
	var r *peerRefusal
	return errors.As(err, &r) && r.reason == ErrFormerMember && len(r.proof) > 0 && bytes.Equal(r.proof, formerProof(t.cfg.Formed(), t.cfg.Hello))
}

// decodeVerdict returns nil for a yes, and an error that wraps ErrPeerRefused for a no.
// The error's text is for the log: nothing may depend on it.
func decodeVerdict(verdict []byte) error {
	switch {
	case len(verdict) == 1 && verdict[0] == verdictYes:
		return nil
	case len(verdict) == 0 || verdict[0] != verdictNo:
		return errBadVerdict
	case len(verdict) > 1 && verdict[1] >= ' ': // the text of an earlier build
		return fmt.Errorf("%w, for this reason: %q", ErrPeerRefused, verdict[1:min(len(verdict), 1+maxReason)])
	case len(verdict) >= 2 && verdict[1] > 0 && int(verdict[1]) <= len(refusalCodes) && (len(verdict) == 2 || verdict[1] == formerCode && len(verdict) == 2+formerProofSize):
		code := refusalCodes[verdict[1]-1]
		return &peerRefusal{code.reason, code.hint, bytes.Clone(verdict[2:])}
	}
	return fmt.Errorf("%w, for a reason that this version does not know: look into its log", ErrPeerRefused)
}

func readVerdict(c *conn) error {
	verdict, err := c.readFrame(0)
	if err != nil {
		return err
	}
	return decodeVerdict(verdict)
}
