package etcdraft

// Bug is a misuse of raft, or None. The documentation of raft.Ready, raft.Config and
// raft.Storage forbids each; a campaign over System of it shows the consequence.
type Bug string

// The misuses.
const (
	None Bug = ""

	SendsFirst       Bug = "sends-first"       // messages leave before the Ready that they belong to is durable
	VoteNotSaved     Bug = "vote-not-saved"    // the HardState on disk lacks its vote
	MustSyncIgnored  Bug = "must-sync-ignored" // no Ready waits for its sync
	SnapshotUnsynced Bug = "snapshot-unsynced" // a Ready with a snapshot waits only if MustSync is set, which is silent about snapshots
	AppliesEarly     Bug = "applies-early"     // entries are applied when they are appended, before they are committed
	ReadsLocally     Bug = "reads-locally"     // reads are answered from the state of any node
	IndexBeforeData  Bug = "index-before-data" // a snapshot's applied index becomes durable before its data
	LogKept          Bug = "log-kept"          // a snapshot that is received is applied, and the log before it stays
	ConfStateLost    Bug = "conf-state-lost"   // a restart forgets the members
	AdvancesFirst    Bug = "advances-first"    // Advance is called before the entries are applied
	SnapshotSilent   Bug = "snapshot-silent"   // raft is not told that a snapshot may be lost
	NoDedup          Bug = "no-dedup"          // an operation that is proposed again is applied again

	OwnRandomness Bug = "own-randomness" // raft draws its election timeouts itself: no run can be repeated
	Aliased       Bug = "aliased"        // messages are sent and received without a copy, and raft changes them
)

// Bugs are the misuses that a campaign finds, as violations of the oracle.
func Bugs() []Bug {
	return []Bug{
		SendsFirst, VoteNotSaved, MustSyncIgnored, SnapshotUnsynced, AppliesEarly, ReadsLocally,
		IndexBeforeData, LogKept, ConfStateLost, AdvancesFirst, SnapshotSilent, NoDedup,
	}
}
