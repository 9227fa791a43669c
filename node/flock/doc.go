// Package flock locks files between processes.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package flock
