// Package link is not in the driver.
package link

// Open says that a link is open.
func Open() bool { return true }

// Wait returns.
func Wait() {}

// Name is the name of a link.
func Name() string { return "link" }

// Size is 1. No test asks for it.
func Size() int { return 1 }
