// Package scenarios defines plans: pure data that determines a run before it
// starts. A Plan lists the cluster, its knobs, every client operation and every
// fault with its time. Generate expands a seed to a Plan, FromBytes does so for the
// input of a fuzzing engine. Encode and Decode convert plans to and from their text
// form, which people read, edit, replay and commit.
//
// The package also has the interfaces of a system under test: System, Run, and the
// optional interfaces that a Run may implement.
//
// The packages below it run plans (campaign), make failing plans smaller (shrink),
// drive the generator from rapid (rapidplan), and are systems under test (lockstep,
// origin, canary).
package scenarios
