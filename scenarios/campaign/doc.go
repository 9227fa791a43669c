// Package campaign runs plans: it joins a system under test, the simulator and
// the checker. Run is one run of one plan; Campaign is many runs on all cores.
// Tests of users import it; the command is a thin layer over it.
package campaign
