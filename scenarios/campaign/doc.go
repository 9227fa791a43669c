// Package campaign runs many plans, on all cores: Campaign is the plans of
// consecutive seeds. The package play runs each of them.
//
// Around it are Require, RequireSeeds and Fuzz for tests, Shrink and
// MeasureNecessity for failing plans, Artefact and Save to keep results, and
// WriteState, ReadState, MergeStates and JoinStates for campaigns in parts. Package harness is
// the layer above: a command, and tests of one line.
package campaign
