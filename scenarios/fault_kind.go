package scenarios

import (
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// faultKind is one kind of faults: all that the package does differently for it. What a
// fault of the kind does to a run is in package play, and its meaning at the constant.
type faultKind struct {
	kind FaultKind
	was  FaultKind // its name in plans of version 1, if that was another

	needed, optional []string // the fields that it must and may have, besides those of all faults

	// families lists the families of faults of the kind. If familiesOf is not nil, it
	// chooses from them by the fault.
	families   familySet
	familiesOf func(*Fault) familySet

	ofLinks bool                           // with Every it is a flapping link, otherwise it is a repeated restart
	impairs bool                           // it may delay a node that is up
	damages func(*Fault) bool              // it may cost its nodes durable data; nil: it does not
	cuts    func(*Fault) []netmodel.Link   // the links that it cuts; nil: none
	check   func(*Fault) error             // validates values of its own fields; nil: there is nothing to validate
	words   func(*Fault) string            // describes it, without times
	aim     func(*aim, *Instant, Duration) // adds it, at an instant; nil: it is never aimed (see aimedKinds)

	// possible reports whether a plan can have it; nil: whenever the swarm has one of
	// its families, which it must in any case.
	possible func(*timeline) bool
	// generate chooses the fields of a fault that has kind and time, and returns the
	// faults that come with it.
	generate func(*timeline, Choices, *Fault) []Fault
}

// faultKinds is the table of the kinds of faults, in the order in which they are generated.
var faultKinds = [...]faultKind{
	{
		kind: ProfileOverride, was: "weather", needed: []string{"profile"}, optional: []string{"links"},
		families: anyFamily, familiesOf: (*Fault).profileFamilies,
		words:    (*Fault).profileWords,
		possible: (*timeline).hasNetwork, generate: (*timeline).overrideProfile,
	},
	{
		kind: Partition, needed: []string{"groups"}, optional: []string{"every"},
		families: setOf(Partitions), ofLinks: true, cuts: (*Fault).cutsOfPartition,
		words:    (*Fault).partitionWords,
		possible: (*timeline).hasPeers, generate: (*timeline).partition,
	},
	{
		kind: OneWay, needed: []string{"sources", "targets"}, optional: []string{"every"},
		families: setOf(OneWays), ofLinks: true, cuts: (*Fault).cutsOfOneWay,
		words:    (*Fault).oneWayWords,
		possible: (*timeline).hasPeers, generate: (*timeline).oneWay,
	},
	{
		kind: Cut, needed: []string{"links"}, optional: []string{"every"},
		families: setOf(Cuts), ofLinks: true, cuts: (*Fault).cutsOfCut,
		words:    (*Fault).cutWords,
		possible: (*timeline).hasPeers, generate: (*timeline).cut, aim: (*aim).cut,
	},
	{
		kind: Clog, optional: []string{"links", "every"},
		families: setOf(Clogs), ofLinks: true,
		words:    (*Fault).kindOnLinks,
		generate: (*timeline).someLinks,
	},
	{
		kind: Refuse, optional: []string{"links", "every"},
		families: setOf(Refusals), ofLinks: true,
		words:    (*Fault).kindOnLinks,
		generate: (*timeline).someLinks,
	},
	{
		kind: PowerLoss, was: "crash", needed: []string{"nodes"}, optional: []string{"every"},
		families: setOf(PowerLosses),
		words:    (*Fault).crashWords,
		generate: (*timeline).crash, aim: (*aim).losePower,
	},
	{
		kind: ProcessCrash, was: "kill", needed: []string{"nodes"}, optional: []string{"every"},
		families: setOf(ProcessCrashes),
		words:    (*Fault).crashWords,
		generate: (*timeline).crash, aim: (*aim).crashProcess,
	},
	{
		kind: DiskFailure, needed: []string{"nodes", "what"}, optional: []string{"target"},
		families: setOf(DiskErrors, DiskDamage), familiesOf: (*Fault).diskFamilies, damages: (*Fault).damagesFiles,
		check:    (*Fault).checkTarget,
		words:    (*Fault).diskWords,
		possible: (*timeline).hasDiskFaults, generate: (*timeline).failDisk,
	},
	{
		kind: Wipe, needed: []string{"nodes"},
		families: setOf(Wipes), damages: always,
		words:    (*Fault).kindOfNodes,
		possible: (*timeline).mayLoseNodes, generate: (*timeline).wipe,
	},
	{
		kind: Rollback, needed: []string{"nodes"}, optional: []string{"live"},
		families: setOf(Rollbacks), damages: always,
		words:    (*Fault).rollbackWords,
		possible: (*timeline).mayLoseNodes, generate: (*timeline).rollBack,
	},
	{
		kind: Pause, needed: []string{"nodes"}, optional: []string{"freeze"},
		families: setOf(Pauses), impairs: true,
		words:    (*Fault).pauseWords,
		generate: (*timeline).pause, aim: (*aim).pause,
	},
	{
		kind: Slow, needed: []string{"nodes", "pace"},
		families: setOf(Slowness), impairs: true,
		words:    (*Fault).slowWords,
		generate: (*timeline).slow,
	},
	{
		kind: Freeze, needed: []string{"nodes"},
		families: setOf(Freezes), impairs: true,
		words:    (*Fault).freezeWords,
		generate: (*timeline).freeze,
	},
	{
		kind: DiskCrash, needed: []string{"nodes", "crash", "op", "phase", "occurrence"},
		families: setOf(DiskCrashes),
		check:    (*Fault).checkDiskCrash,
		words:    (*Fault).diskCrashWords,
		generate: (*timeline).crashAtDisk,
	},
	{
		kind: Stop, needed: []string{"nodes"}, optional: []string{"drain"},
		families: setOf(Stops),
		words:    (*Fault).stopWords,
		generate: (*timeline).stop,
	},
	{
		kind: Members, needed: []string{"nodes", "change"}, optional: []string{"targets"},
		families: setOf(MemberChanges),
		check:    (*Fault).checkChange,
		words:    (*Fault).changeWords,
		possible: (*timeline).hasJoiners, generate: (*timeline).changeMembers,
	},
}

// row returns the row of a kind: the zero row if there is no such kind.
func (k FaultKind) row() faultKind {
	for i := range faultKinds {
		if faultKinds[i].kind == k {
			return faultKinds[i]
		}
	}
	return faultKind{}
}

// FaultKinds lists the kinds of faults, in the order in which they are generated.
func FaultKinds() []FaultKind {
	var kinds []FaultKind
	for i := range faultKinds {
		kinds = append(kinds, faultKinds[i].kind)
	}
	return kinds
}

// kindNames lists the names of the kinds.
func kindNames() (names []string) {
	for _, k := range FaultKinds() {
		names = append(names, string(k))
	}
	return names
}

// Fields lists the names in JSON of the fields that a fault of the kind must have, and of
// those that it may have, besides at, for, kind and aim, which all faults have.
func (k FaultKind) Fields() (needed, optional []string) {
	row := k.row()
	return slices.Clone(row.needed), slices.Clone(row.optional)
}

// label is the name under which the generator hashes choices about the kind. It
// stays when the name changes; otherwise seeds would give other plans.
func (k FaultKind) label() string {
	if was := k.row().was; was != "" {
		return string(was)
	}
	return string(k)
}

// renamed returns the present name of a kind, given any that it has had.
func (k FaultKind) renamed() FaultKind {
	for i := range faultKinds {
		if was := faultKinds[i].was; was != "" && was == k {
			return faultKinds[i].kind
		}
	}
	return k
}

// always is the damages of a kind that costs its nodes durable data.
func always(*Fault) bool { return true }
