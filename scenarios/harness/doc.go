// Package harness is what an engineer needs to test a system of processes: a command,
// and entry points for tests.
//
// A main function of one line is a command with campaigns, replay, shrinking,
// necessity, plans, artefacts, states of campaigns, completion, text and JSON:
//
//	func main() { harness.Main(mySystem()) }
//
// The same within go test, and under its fuzzing engine:
//
//	func TestMine(t *testing.T) { harness.Test(t, mySystem(), harness.Options{}) }
//	func FuzzMine(f *testing.F) { harness.Fuzz(f, mySystem(), harness.Options{}) }
//
// docs/HARNESS.md is a tutorial that begins with an empty file.
//
// Command returns the command, for programs that add to it; package cli has the parts
// of it that do not depend on systems. Package campaign is the library below, for
// programs that want neither.
package harness
