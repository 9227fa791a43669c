package main

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// refusesLog reports whether err is a node's refusal of its log for its content, or
// for a missing part.
func refusesLog(err error) bool {
	return errors.Is(err, wal.ErrDamaged) || errors.Is(err, wal.ErrMissing) || errors.Is(err, node.ErrRecord)
}

func inspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect DIR",
		Short: "Show the contents of a node's directory, sound or damaged",
		Long: `Show the contents of a node's directory (--data): the owner of the log, its boots and
segments, how far it goes and how far it is known to have gone, where it is damaged,
the members as it has them last, and the machines in it with their last ballots and
versions. Nothing is changed and
nothing is locked; if a node uses the directory meanwhile, half-finished writes may
be shown.

It exits with 10 if a node would refuse the log as damaged or not complete.`,
		Args: cobra.MatchAll(func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s: want one directory, got %d arguments; see %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			return inspect(cmd.OutOrStdout(), args[0], cli.AsJSON(cmd))
		},
	}
	completeFolders(cmd)
	return cmd
}

func inspect(out io.Writer, path string, inJSON bool) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	if err := files.CheckRestored(path); err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	x, err := member.InspectLog(files.Reader(path))
	if errors.Is(err, wal.ErrMissing) {
		return fmt.Errorf("inspect %s: there is no log: give the directory that a node was given as --data", path)
	}
	if err != nil {
		return fmt.Errorf("inspect %s: %w", path, err)
	}
	t := newLogReport(path, x)
	if inJSON {
		err = json.NewEncoder(out).Encode(t)
	} else {
		_, err = io.WriteString(out, t.text())
	}
	if err == nil && t.Refused != "" {
		return &cli.Error{Code: t.code}
	}
	return err
}

// logReport describes a log.
type logReport struct {
	Directory     string          `json:"directory"`
	Cluster       string          `json:"cluster,omitempty"`
	Node          uint16          `json:"node,omitempty"`
	Incarnation   string          `json:"incarnation,omitempty"`
	Origin        *originReport   `json:"origin,omitempty"` // the backup that the log was restored from
	Format        uint16          `json:"format,omitempty"`
	Boots         uint64          `json:"boots"`
	End           wal.LSN         `json:"end"`
	HighWaterMark wal.LSN         `json:"marked"` // high-water mark: the log is known to have been synced up to here
	ValidMarks    int             `json:"marks"`  // valid high-water marks
	TornTail      int             `json:"torn_tail,omitempty"`
	Segments      []segmentReport `json:"segments"`
	Stage         string          `json:"stage"`                   // of the cluster: empty, bound or formed
	Epoch         *epochReport    `json:"configuration,omitempty"` // nil: the members are the ones that formed the cluster
	Left          bool            `json:"left,omitempty"`          // the node was removed, and the others can do without it
	Members       []memberReport  `json:"members"`
	Lives         []lifeReport    `json:"lives"`
	Disputes      []string        `json:"disputes,omitempty"`
	Machines      []machineReport `json:"machines"`
	Unreadable    []string        `json:"unreadable,omitempty"`
	Refused       string          `json:"refused,omitempty"`
	Advice        string          `json:"next"`

	code cli.Code
}

// originReport describes the backup that a log was restored from.
type originReport struct {
	Backup      string `json:"backup"`       // its digest
	ID          string `json:"id"`           // equal for all members that were restored together
	FirstSerial uint64 `json:"first_serial"` // from which the new cluster counts serials
}

type segmentReport struct {
	File    string         `json:"file"`
	Bytes   int            `json:"bytes"`
	Made    uint64         `json:"made,omitempty"`
	Use     string         `json:"use"` // needed, trimmed, or not in use
	Format  uint16         `json:"format,omitempty"`
	Base    wal.LSN        `json:"base"`
	End     wal.LSN        `json:"end"`
	Records int            `json:"records"`
	Sealed  bool           `json:"sealed"`
	Damages []damageReport `json:"damages,omitempty"`
}

type damageReport struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// epochReport describes the last configuration of the members in a log.
type epochReport struct {
	Epoch  uint32    `json:"epoch"`
	Voters []node.ID `json:"voters"`
	Next   []node.ID `json:"next,omitempty"` // the voters to be, in a joint epoch
	LastID node.ID   `json:"last_id"`
}

// memberReport describes a member as the log has it: its incarnation, this node's memory of
// it, and the rest as the last configuration has it.
type memberReport struct {
	Node        uint16 `json:"node"`
	Incarnation string `json:"incarnation,omitempty"`
	Remembered  string `json:"remembered,omitempty"`
	Role        string `json:"role,omitempty"`
	Address     string `json:"address,omitempty"`
	Promote     bool   `json:"promote,omitempty"`
	Replaces    uint16 `json:"replaces,omitempty"`
}

type lifeReport struct {
	Boot uint64  `json:"boot"`
	Life string  `json:"life"`
	End  wal.LSN `json:"end,omitempty"` // 0: not ended, as far as the log shows
}

type machineReport struct {
	Key      string  `json:"key"`
	Promised string  `json:"promised"`
	Accepted string  `json:"accepted"`
	State    string  `json:"state,omitempty"`
	Version  *uint64 `json:"version,omitempty"`
}

func newLogReport(path string, x *member.LogInspection) *logReport {
	t := &logReport{
		Directory: path, Boots: x.Boots, End: x.End, Format: x.Version, Node: x.Identity.Node,
		ValidMarks: len(x.Marks), TornTail: x.TornBytes, Segments: []segmentReport{}, Machines: []machineReport{},
	}
	if x.Version > 0 {
		t.Cluster, t.Incarnation = hex.EncodeToString(x.Identity.Cluster[:]), hex.EncodeToString(x.Identity.Incarnation[:])
	}
	for _, m := range x.Marks {
		if x.Version == 0 || m.Incarnation == x.Identity.Incarnation {
			t.HighWaterMark = max(t.HighWaterMark, m.At)
		}
	}
	for i := range x.Segments {
		t.Segments = append(t.Segments, newSegmentReport(&x.Segments[i]))
	}
	t.addOrigin(x)
	t.addMember(x)
	for _, m := range x.Machines {
		told := machineReport{Key: m.Key, Promised: m.Promised.String(), Accepted: m.Accepted.String()}
		if m.Value != nil {
			told.State, told.Version = m.Value.State, &m.Value.Version
		}
		t.Machines = append(t.Machines, told)
	}
	for _, err := range x.Unreadable {
		t.Unreadable = append(t.Unreadable, err.Error())
	}
	t.addVerdict(x)
	return t
}

// addOrigin adds the backup that the log was restored from.
func (t *logReport) addOrigin(x *member.LogInspection) {
	switch o, err := node.OriginIn(x.LogInspection); {
	case err != nil:
		t.Unreadable = append(t.Unreadable, err.Error())
	case o != nil:
		t.Origin = &originReport{hex.EncodeToString(o.Backup[:]), hex.EncodeToString(o.ID[:]), o.FirstSerial}
	}
}

// addMember adds the cluster, the node's lives and its memories of others.
func (t *logReport) addMember(x *member.LogInspection) {
	t.Stage, t.Members, t.Lives = x.Cluster.Stage.String(), []memberReport{}, []lifeReport{}
	remembered := map[node.ID]string{}
	for _, p := range x.Peers {
		remembered[p.Peer] = p.Memory.String()
	}
	report := func(id node.ID, incarnation [16]byte) memberReport {
		told := memberReport{Node: uint16(id), Remembered: remembered[id]}
		if incarnation != [16]byte{} {
			told.Incarnation = hex.EncodeToString(incarnation[:])
		}
		return told
	}
	if c := x.Configuration; c != nil {
		t.Epoch = &epochReport{c.Epoch, c.Voters, c.Next, c.LastID}
		for i := range c.Members {
			m := &c.Members[i]
			told := report(m.ID, m.Incarnation)
			told.Role, told.Address, told.Promote, told.Replaces = string(c.Role(m.ID)), m.Address, m.Promote, uint16(m.Replaces)
			t.Members = append(t.Members, told)
		}
	} else {
		for _, m := range x.Cluster.Members {
			t.Members = append(t.Members, report(m.ID, m.Incarnation))
		}
	}
	t.Left = x.Left
	for _, l := range x.Lives {
		t.Lives = append(t.Lives, lifeReport{l.Boot, fmt.Sprintf("%016x", l.ID), wal.LSN(l.End)})
	}
	for _, d := range x.Disputes {
		t.Disputes = append(t.Disputes, fmt.Sprintf("node %d remembers %v", d.By, d.Memory))
	}
}

func newSegmentReport(f *wal.SegmentInspection) segmentReport {
	t := segmentReport{
		File: f.File, Bytes: f.Size, Made: f.Made, Format: f.Version,
		Base: f.Base, End: f.End, Records: f.Records, Sealed: f.Sealed,
	}
	switch {
	case !f.HasHeader:
		t.Use = "no header that checks: not in use, or damaged"
	case f.Needed:
		t.Use = "needed"
	default:
		t.Use = "trimmed: not needed"
	}
	for _, d := range f.Damages {
		t.Damages = append(t.Damages, damageReport{d.From, d.To})
	}
	return t
}

// addVerdict adds whether a node would go on from the log, and the remedy.
func (t *logReport) addVerdict(x *member.LogInspection) {
	t.code = cli.Usage
	switch err := x.Refused; {
	case err == nil && len(x.Unreadable) > 0:
		t.Refused, t.code = x.Unreadable[0].Error(), cli.Damaged
		t.Advice = "Run the version of the program that wrote the log, or a later one."
	case err == nil && x.Left:
		t.Advice = "The node was removed from the members, and ends at each start: it is of no use any more. To have a node in its place, start one " +
			"with an empty directory, a new id and --join, and add it: lockstep members add."
	case err == nil && len(x.Disputes) > 0:
		t.Advice = "Its members have found that this log has lost promises: a node that is started from it takes no part, or ends. The others go on while a majority of " +
			"them is up. To have a node in its place, start one with an empty directory, a new id and --join: lockstep members replace."
	case err == nil:
		t.Advice = "A node can go on from this log. Whether it is an older copy of itself, only its peers can know."
	case errors.Is(err, wal.ErrDamaged), errors.Is(err, wal.ErrMissing):
		t.Refused, t.code = err.Error(), cli.Damaged
		t.Advice = "Leave the directory as it is, and leave the node stopped. The cluster goes on while a majority of the members is up: " +
			"see to it that the others are well (lockstep status), and copy elsewhere what is to be looked into. " +
			"A file that was moved may be put back, the very one. An older copy of a file or of the directory must not be: " +
			"the node would break promises that it has made since."
	default:
		t.Refused = err.Error()
		t.Advice = "Run the version of the program that wrote the log, or a later one."
	}
}

// maxLivesShown bounds the lives of a node in the text: the last ones are shown.
const maxLivesShown = 5

func (t *logReport) memberText(line func(format string, args ...any)) {
	line("the cluster is %s, of %d members", t.Stage, len(t.Members))
	if e := t.Epoch; e != nil {
		next := ""
		if e.Next != nil {
			next = fmt.Sprintf(", the voters to be %d", e.Next)
		}
		line("epoch %d: the voters are %d%s; the last number given is %d", e.Epoch, e.Voters, next, e.LastID)
	}
	for i := range t.Members {
		m := &t.Members[i]
		known := "incarnation " + cmp.Or(m.Incarnation, "unknown")
		switch {
		case m.Node == t.Node:
			known = "this log"
		case m.Remembered != "":
			known = "remembered as " + m.Remembered
		}
		line("  node %d  %s%s", m.Node, m.part(), known)
	}
	if t.Left {
		line("the node has left: the others can do without it")
	}
	line("%d lives", len(t.Lives))
	for _, l := range t.Lives[max(0, len(t.Lives)-maxLivesShown):] {
		line("  boot %d  life %s%s", l.Boot, l.Life, map[bool]string{true: fmt.Sprintf(", ended at position %d", l.End)}[l.End > 0])
	}
	for _, d := range t.Disputes {
		line("disputed: %s", d)
	}
}

// part is the part of a member in the last configuration, its address and the wish for it;
// empty: the log has none.
func (m *memberReport) part() string {
	if m.Role == "" {
		return ""
	}
	text := m.Role
	if m.Address != "" {
		text += " at " + m.Address
	}
	if m.Promote {
		text += ", to be a voter"
	}
	if m.Replaces != 0 {
		text += fmt.Sprintf(" in the place of node %d", m.Replaces)
	}
	return text + "; "
}

func (t *logReport) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintln(&b, printable.String(fmt.Sprintf(format, args...))) }
	if t.Format == 0 {
		line("%s: a log of which no header checks", t.Directory)
	} else {
		line("%s: the log of node %d, format %d, boot %d", t.Directory, t.Node, t.Format, t.Boots)
		line("cluster %s, incarnation %s", t.Cluster, t.Incarnation)
	}
	if o := t.Origin; o != nil {
		line("restored from the backup with the digest %s; serials are counted from %d", o.Backup, o.FirstSerial)
	}
	line("records are found up to position %d; %d of 2 marks check, and prove that they went up to %d", t.End, t.ValidMarks, t.HighWaterMark)
	for _, s := range t.Segments {
		made := ""
		if s.Made > uint64(s.Bytes) {
			made = fmt.Sprintf(" of the %d that it was made with", s.Made)
		}
		line("  %s  %d bytes%s, %d records, positions %d to %d, sealed %v; %s", s.File, s.Bytes, made, s.Records, s.Base, s.End, s.Sealed, s.Use)
		for _, d := range s.Damages {
			line("    nothing checks from offset %d to %d, and there are records behind it", d.From, d.To)
		}
	}
	if t.TornTail > 0 {
		line("%d bytes behind the last record were never acknowledged, or are of an earlier use of the file: a node clears them", t.TornTail)
	}
	t.memberText(line)
	line("%d machines%s", len(t.Machines), map[bool]string{true: ", as far as records of them are found; newer ones may be lost"}[t.Refused != ""])
	for _, m := range t.Machines {
		if m.Version == nil {
			line("  %s  promised %s, accepted %s", m.Key, m.Promised, m.Accepted)
		} else {
			line("  %s  %s v%d, accepted %s, promised %s", m.Key, m.State, *m.Version, m.Accepted, m.Promised)
		}
	}
	for _, e := range t.Unreadable {
		line("unreadable: %s", e)
	}
	if t.Refused != "" {
		line("A node refuses this log: %s", t.Refused)
	}
	line("%s", t.Advice)
	return b.String()
}
