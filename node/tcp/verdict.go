package tcp

import (
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

// appendVerdict appends a frame with a yes, or with a no and the code of the reason.
func appendVerdict(dst []byte, refusal error) []byte {
	verdict := []byte{verdictYes}
	if refusal != nil {
		verdict = []byte{verdictNo, 0}
		for i := range refusalCodes {
			if errors.Is(refusal, refusalCodes[i].reason) {
				verdict[1] = byte(i + 1)
			}
		}
	}
	return must(wire.AppendFrame(dst[:len(dst):len(dst)], verdict))
}

// peerRefusal is the error of a node that a peer refuses, for a reason that both know.
type peerRefusal struct {
	reason error // of the peer, as in refusalCodes
	hint   string
}

func (r *peerRefusal) Error() string { return ErrPeerRefused.Error() + ": " + r.hint }

func (r *peerRefusal) Unwrap() error { return ErrPeerRefused }

// refusedFor reports whether a handshake ended with a peer's no for a reason.
func refusedFor(err, reason error) bool {
	var r *peerRefusal
	return errors.As(err, &r) && r.reason == reason
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
	case len(verdict) == 2 && verdict[1] > 0 && int(verdict[1]) <= len(refusalCodes):
		code := refusalCodes[verdict[1]-1]
		return &peerRefusal{code.reason, code.hint}
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
