package node

import "fmt"

// MaxRepairList bounds each list of a repair message, so that it fits in a frame
// whatever the keys.
const MaxRepairList = 512

// RepairRequest tells what its sender holds in sum, and asks for what the
// receiver holds. Without Ranges and Wants it asks for the sum.
type RepairRequest struct {
	Exchange ReadID
	Digest   uint64
	Progress uint64      // how far the sender is
	Ranges   []HashRange // what is in them?
	Wants    []string    // keys of machines whose values the sender lacks
}

// RepairReport answers a RepairRequest, after the values that it wants. It is
// durable.
type RepairReport struct {
	Exchange       ReadID
	Digest         uint64
	Progress       uint64
	RangesAnswered uint16       // of the Ranges, the first ones: they are answered
	WantsAnswered  uint16       // of the Wants likewise
	Ranges         []HashRange  // what is in large ranges, by parts
	Items          []RepairItem // what is in small ones
}

// RepairItem says what a node has accepted of one machine.
type RepairItem struct {
	Key    string
	Ballot Ballot
	Chosen bool // and it knows that this was chosen
}

// RepairValue is what a node has accepted of one machine. It stands for the
// proposer's accept. It is durable.
type RepairValue struct {
	Key    string
	Ballot Ballot
	Value  *Value
	Chosen bool // and it knows that this was chosen
}

// noKey and noOperation stand in the address of messages about many machines.
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
	s := fmt.Sprintf("repair-request %v digest %016x mass %d", m.Exchange, m.Digest, m.Progress)
	if len(m.Ranges) > 0 {
		s += fmt.Sprintf(" ranges %v", m.Ranges)
	}
	if len(m.Wants) > 0 {
		s += fmt.Sprintf(" wants %v", m.Wants)
	}
	return s
}

func (m *RepairReport) String() string {
	s := fmt.Sprintf("repair-report %v digest %016x mass %d", m.Exchange, m.Digest, m.Progress)
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
