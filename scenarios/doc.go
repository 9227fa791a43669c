// Package scenarios defines plans, which are runs as data, and systems under test, on
// which they run.
//
//	sys := scenarios.System{Name: "mine", Workload: workload.KV(), New: newRun}
//	plan := scenarios.Generate(seed, sys.Shape(scenarios.Shape{Profile: scenarios.All}))
//
// A [Plan] lists the cluster, its knobs, every client operation and every fault with
// its time. [Generate] expands a seed to a Plan, [FromBytes] does so for the input of a
// fuzzing engine. [Encode] and [Decode] convert plans to and from their text form,
// which people read, edit, replay and commit.
//
// A [System] is a protocol with its clients and its invariants. Its flags claim what it
// can bear, and it gets no other faults. It may implement, in order of need:
//
//   - [Run], which System.New returns: the processes of one run, and its oracle. Node is
//     asked at the start of each life, Client once for each client, Observe at each
//     observation, and Agree at the end.
//   - [Workload]: the objects, the operations that clients request, and the model of
//     both. Package workload has those of common objects.
//   - [CoreAgreer]: asked when a majority has ended fresh operations without the others.
//   - [Repairer]: asked when nodes have had the time to repair each other. It gains the
//     checks that they hold the same, and fall silent.
//   - [DiskLossObserver]: told of wiped and copied disks. It gains rollbacks.
//   - [MessageCodec]: asked at each message of a plan with a codec. It gains damaged bytes.
//   - [DamageLocator]: asked when damage to a disk has a target. It gains damage where it
//     matters most.
//   - [Outsider]: asked when all is healed which nodes are no members.
//   - [Reconfigurer]: asked before a disk is lost while members change, and before nodes are left out in the heal phase. It gains both.
//   - [Definer]: asked after a run which of competing definitions was chosen.
//   - [MarkCounter]: asked after a run. It gains coverage marks, and faults aimed at them.
//   - [ActivityReporter] and [Dumper]: asked for words about nodes, when a run has no
//     progress and by the command replay.
//
// Processes of a system may be [sim.BatchProcess], for which it sets Batches.
// docs/CONTRACT.md states what each family of faults asks of a system.
//
// The packages around it run plans (play, campaign), make failing plans smaller
// (shrink), drive the generator from rapid (rapidplan), help to write systems
// (systemkit, workload), are systems under test (lockstep, origin, canary), and are the
// command and the tests of any system (harness).
package scenarios
