package wal

import "errors"

// Reasons for Recover to refuse. No file has been changed when it does. Errors
// that wrap one of them name the file, and the offset in bytes if there is one.
var (
	// ErrDamaged: bytes that were synced have changed.
	ErrDamaged = errors.New("the log is damaged and promises this node made may be lost: " +
		"it must not speak again under this identity; remove it from the cluster, " +
		"empty its directory and add it as a new member")
	// ErrMissing: a segment that is needed is not there.
	ErrMissing = errors.New("a segment of the log is missing: put the file back; if it is lost, " +
		"remove this node from the cluster, empty its directory and add it as a new member")
	// ErrVersion: the format is not known to this program.
	ErrVersion = errors.New("the log was written by another version of this program: " +
		"run the version that wrote it; to change versions, remove this node from the cluster, " +
		"empty its directory and add it as a new member")
	// ErrCluster: the log is of a node of another cluster.
	ErrCluster = errors.New("the log belongs to another cluster: " +
		"check the data directory and the cluster this node is told to join")
	// ErrNode: the log is of another node of the same cluster.
	ErrNode = errors.New("the log belongs to another node of this cluster: " +
		"check the data directory and the node's number")
)
