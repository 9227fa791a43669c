package node

import "fmt"

// MaxRepairList is the maximum length of each list in a repair message. With it a
// message fits in a frame, whatever the keys.
const MaxRepairList = 512

// RepairRequest carries the digest of its sender and requests the receiver's: of the
// whole space, and the content of Ranges and the values of Wants. Without Ranges and
// Wants it requests the digest of the whole alone.
type RepairRequest struct {
	Exchange ReadID
	Digest   uint64
	Progress uint64      // how much the sender holds
	Ranges   []HashRange // ranges whose content is requested
	Wants    []string    // keys of machines whose values the sender lacks
}

// RepairReport is the response to a RepairRequest. It follows the requested values. It
// is sent once everything in it is durable.
type RepairReport struct {
	Exchange       ReadID
	Digest         uint64
	Progress       uint64
	RangesAnswered uint16       // how many of the request's Ranges are answered, the first ones
	WantsAnswered  uint16       // how many of the request's Wants, likewise
	Ranges         []HashRange  // parts of the large requested ranges, with their digests
	Items          []RepairItem // content of the small ones
}

// RepairItem is the accepted ballot of one machine at a node.
type RepairItem struct {
	Key    string
	Ballot Ballot
	Chosen bool // the node knows its value to be chosen
}

// RepairValue is the accepted value of one machine at a node. It stands for the
// proposer's accept. It is sent once the value is durable.
type RepairValue struct {
	Key    string
	Ballot Ballot
	Value  *Value
	Chosen bool // the node knows it to be chosen
}

// noKey and noOperation are the result of About for messages about many machines.
const (
	noKey       = "-"
	noOperation = OpID("-")
)

// About implements Message.
func (m *RepairRequest) About() (string, OpID) { return noKey, noOperation }

// About implements Message.
func (m *RepairReport) About() (string, OpID) { return noKey, noOperation }

// About implements Message.
func (m *RepairValue) About() (string, OpID) { return m.Key, noOperation }

func (m *RepairRequest) String() string {
	s := fmt.Sprintf("repair-request %v digest %016x progress %d", m.Exchange, m.Digest, m.Progress)
	if len(m.Ranges) > 0 {
		s += fmt.Sprintf(" ranges %v", m.Ranges)
	}
	if len(m.Wants) > 0 {
		s += fmt.Sprintf(" wants %v", m.Wants)
	}
	return s
}

func (m *RepairReport) String() string {
	s := fmt.Sprintf("repair-report %v digest %016x progress %d", m.Exchange, m.Digest, m.Progress)
	if m.RangesAnswered > 0 || m.WantsAnswered > 0 {
		s += fmt.Sprintf(" answers %d ranges, %d wants", m.RangesAnswered, m.WantsAnswered)
	}
	if len(m.Ranges) > 0 {
		s += fmt.Sprintf(": %v", m.Ranges)
	}
	if len(m.Items) > 0 {
		s += fmt.Sprintf(": %v", m.Items)
	}
	return s
}

func (m *RepairValue) String() string {
	return fmt.Sprintf("repair-value %s ballot %v %v%s", m.Key, m.Ballot, m.Value, chosenSuffix(m.Chosen))
}

func (r HashRange) String() string {
	s := "all"
	if r.Depth > 0 {
		s = fmt.Sprintf("%0*x…", int(r.Depth), r.Path)
	}
	if r.Digest != 0 {
		s += fmt.Sprintf("=%016x", r.Digest)
	}
	return s
}

func (i RepairItem) String() string {
	return fmt.Sprintf("%s %v%s", i.Key, i.Ballot, chosenSuffix(i.Chosen))
}

func chosenSuffix(chosen bool) string {
	if chosen {
		return " chosen"
	}
	return ""
}
