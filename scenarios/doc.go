// Package scenarios holds plans: pure data that says all about a run before it
// starts. A Plan lists the cluster, its knobs, every client operation and every
// fault with its time. Generate expands a seed to a Plan; Encode and Decode are
// its text form, which people read, edit, replay and commit.
//
// The packages below it run plans (campaign), drive the generator from rapid
// and from fuzz bytes (rapidplan), and are systems under test (origin, ...).
package scenarios
