// Package campaign runs plans: it joins a system under test, the simulator and the
// checker. Run is one run of one plan; Campaign is many runs on all cores.
//
// Around them are Require, RequireSeeds and Fuzz for tests, Shrink and
// MeasureNecessity for failing plans, Artefact and Save to keep results, Inspect
// and FindDifference to examine runs, and WriteState, ReadState and MergeStates for
// campaigns in parts. Tests of users import the package; the command is a thin
// layer over it.
package campaign
