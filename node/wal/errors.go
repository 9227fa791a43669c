package wal

import "errors"

// Errors of Recover. When it fails it has not changed any file. An error that wraps
// one of these names the file, and the offset in bytes if there is one.
var (
	// ErrDamaged means that synced bytes have changed or are lost.
	ErrDamaged = errors.New("the log is damaged and promises this node made may be lost: " +
		"it must not speak again under this identity. The other members go on without it while they are a majority. " +
		"Leave the directory as it is and see what it holds with lockstep inspect; " +
		"an older copy in its place would speak, and break what was promised since")
	// ErrMissing means that a required file does not exist.
	ErrMissing = errors.New("a file of the log is missing: if it was moved, put that very file back, never an older copy; " +
		"if it is lost, this node must not speak again under this identity. " +
		"The other members go on without it while they are a majority. See what the directory holds with lockstep inspect")
	// ErrVersion means that this program does not know the format.
	ErrVersion = errors.New("the log was written by another version of this program: run the version that wrote it, or a later one")
	// ErrCluster means that the log belongs to a node of another cluster.
	ErrCluster = errors.New("the log belongs to another cluster: " +
		"check the data directory and the cluster that this node is started for")
	// ErrNode means that the log belongs to another node of the same cluster.
	ErrNode = errors.New("the log belongs to another node of this cluster: " +
		"check the data directory and the node's number")
)

// ErrFull is wrapped by the error of a request for which the disk has no room. The
// log goes on if the request is Optional.
var ErrFull = errors.New("no space left for the log")
