package wal

import "errors"

// Reasons for Recover to refuse. No file has been changed when it does. Errors
// that wrap one of them name the file, and the offset in bytes if there is one.
var (
	// ErrDamaged: bytes that were synced have changed, or are gone.
	ErrDamaged = errors.New("the log is damaged and promises this node made may be lost: " +
		"it must not speak again under this identity. The other members go on without it while they are a majority. " +
		"Leave the directory as it is and see what it holds with lockstep inspect; " +
		"an older copy in its place would speak, and break what was promised since")
	// ErrMissing: a file that is needed is not there.
	ErrMissing = errors.New("a file of the log is missing: if it was moved, put that very file back, never an older copy; " +
		"if it is lost, this node must not speak again under this identity. " +
		"The other members go on without it while they are a majority. See what the directory holds with lockstep inspect")
	// ErrVersion: the format is not known to this program.
	ErrVersion = errors.New("the log was written by another version of this program: run the version that wrote it, or a later one")
	// ErrCluster: the log is of a node of another cluster.
	ErrCluster = errors.New("the log belongs to another cluster: " +
		"check the data directory and the cluster this node is told to join")
	// ErrNode: the log is of another node of the same cluster.
	ErrNode = errors.New("the log belongs to another node of this cluster: " +
		"check the data directory and the node's number")
)

// ErrFull is wrapped by the error of a request for which the disk has no room. A
// request that is Optional may fail with it, and the log goes on.
var ErrFull = errors.New("no space left for the log")
