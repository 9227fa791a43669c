package wire

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/member"
)

// MaxKey is the maximum length of a key, in bytes: two names and a slash.
const MaxKey = 2*fsm.MaxName + 1

// reasons are all reasons. Binary encodes their places: the list only grows, at its end.
var reasons = []node.Reason{"", node.StaleBallot, node.StaleEpoch, node.UnknownDefinition, node.Malformed,
	node.Illegal, node.Overloaded, node.Timeout, node.UnknownState, node.VersionMismatch, node.WindowExpired,
	node.WatermarkAhead, node.IDConflict, node.BadRequest, node.Abstains, node.QuotaReached, node.BaseNotHeld}

// check returns an error about the first field of m that codecs refuse.
func check(m node.Message) error {
	key, _ := m.About()
	if err := checkText("key", key, MaxKey); err != nil {
		return err
	}
	switch m := m.(type) {
	case *node.Proposal:
		return firstError(checkPhase(m.Phase), checkValue(key, m.Value), checkExtension(key, m), checkOp("first", m.First), checkOtherBallot(m))
	case *node.Acknowledgment:
		return firstError(checkPhase(m.Phase), checkValue(key, m.Value), checkOp("first", m.First))
	case *node.Reject:
		return firstError(checkPhase(m.Phase), checkReason(m.Reason), checkOp("first", m.First))
	case *node.Commit:
		return firstError(checkValue(key, m.Value), checkOp("first", m.First))
	case *node.ReadRequest:
		return checkOp("first", m.First)
	case *node.ReadReport:
		return firstError(checkValue(key, m.Value), checkOp("first", m.First))
	case *node.Request:
		return firstError(checkKind(m.Kind), checkOp("id", m.ID), checkText("to", m.To, fsm.MaxText))
	case *node.Reply:
		return firstError(checkKind(m.Kind), checkOp("id", m.ID), checkOutcome(m.Outcome), checkReason(m.Reason),
			checkText("state", m.State, fsm.MaxText))
	}
	if in, ok := m.(*member.Introduction); ok {
		return checkIntroduction(in)
	}
	return checkRepair(m)
}

// checkOtherBallot refuses a ballot of the other phase, which no codec would write.
func checkOtherBallot(p *node.Proposal) error {
	switch {
	case p.Phase == node.Prepare && !p.Next.IsZero():
		return errors.New("next: a prepare has none")
	case p.Phase == node.Accept && !p.Known.IsZero():
		return errors.New("known: an accept has none")
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkValue(key string, v *node.Value) error {
	if v == nil {
		return nil
	}
	if err := checkEntries("value.recent", key, v.Window); err != nil {
		return err
	}
	return firstError(checkText("value.before", v.StateBefore, fsm.MaxText), checkText("value.state", v.State, fsm.MaxText))
}

// checkEntries refuses entries with long states, but for one, a definition. The register of
// the configuration has a long one in each.
func checkEntries(what, key string, entries []node.Entry) error {
	if len(entries) > node.MaxDedupWindow {
		return fmt.Errorf("%s: %d entries, at most %d", what, len(entries), node.MaxDedupWindow)
	}
	maxTo := fsm.MaxText
	for i := range entries {
		e := &entries[i]
		if err := checkEntry(e, maxTo); err != nil {
			return fmt.Errorf("%s[%d].%w", what, i, err)
		}
		if len(e.To) > fsm.MaxName && key != configuration.Key {
			maxTo = fsm.MaxName
		}
	}
	return nil
}

// checkExtension refuses an extension in place of anything but the value of an accept.
func checkExtension(key string, p *node.Proposal) error {
	switch {
	case p.Extension == nil:
		return nil
	case p.Phase != node.Accept:
		return errors.New("extension: a prepare has none")
	case p.Value != nil:
		return errors.New("extension: there is a value")
	}
	return checkEntries("entries", key, p.Extension.Entries)
}

// checkEntry checks an entry whose state may have maxTo bytes.
func checkEntry(e *node.Entry, maxTo int) error {
	if err := checkOp("id", e.ID); err != nil {
		return err
	}
	switch e.Kind {
	case node.EntryTransition:
		return checkText("to", e.To, maxTo)
	case node.EntryTombstone:
		return checkRequested(e.Requested)
	}
	return checkEntryKind(e.Kind)
}

// checkRequested checks the requested state of a tombstone. It is a name: definitions
// have no tombstones.
func checkRequested(s string) error {
	if s == "" {
		return errors.New("to: missing")
	}
	return checkText("to", s, fsm.MaxName)
}

func checkText(what, s string, most int) error {
	if len(s) <= most && isASCII(s) { // nearly always
		return nil
	}
	return checkRareText(what, s, most)
}

func checkRareText(what, s string, most int) error {
	if len(s) > most {
		return fmt.Errorf("%s: %d bytes, at most %d", what, len(s), most)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s: %q is not UTF-8", what, s)
	}
	return nil
}

// isASCII reports whether s is ASCII, as ids and names nearly always are: a message has
// dozens of them, and for short ones utf8.ValidString takes several times as long.
func isASCII(s string) bool {
	if len(s) < 8 {
		all := byte(0)
		for i := range len(s) {
			all |= s[i]
		}
		return all < utf8.RuneSelf
	}
	all := eightBytes(s[len(s)-8:])
	for ; len(s) > 8; s = s[8:] {
		all |= eightBytes(s)
	}
	return all&0x80_80_80_80_80_80_80_80 == 0
}

func eightBytes(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func checkOp(what string, id node.OpID) error { return checkText(what, string(id), node.MaxOpID) }

func checkPhase(p node.Phase) error {
	return checkRange("phase", uint8(p), uint8(node.Prepare), uint8(node.Accept))
}

func checkKind(k node.Kind) error {
	return checkRange("kind", uint8(k), uint8(node.Propose), uint8(node.ReadLocal))
}

func checkEntryKind(k node.EntryKind) error {
	if !k.Known() {
		return fmt.Errorf("kind: %d is not known, %d to %d are", k, node.EntryTransition, node.EntryTombstone)
	}
	return nil
}

func checkOutcome(o node.Outcome) error {
	return checkRange("outcome", uint8(o), uint8(node.Committed), uint8(node.Unknown))
}

func checkRange(what string, v, lowest, highest uint8) error {
	switch {
	case v == 0:
		return fmt.Errorf("%s: missing", what)
	case v < lowest || v > highest:
		return fmt.Errorf("%s: %d is not known, %d to %d are", what, v, lowest, highest)
	}
	return nil
}

func checkReason(r node.Reason) error {
	if !slices.Contains(reasons, r) {
		return fmt.Errorf("reason: %.32q is not known", string(r))
	}
	return nil
}
