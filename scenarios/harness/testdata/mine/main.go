// Command mine is the command of a user, for one system.
package main

import (
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/lockstep-dst/lockstep/scenarios/harness/testdata/register"
)

func main() { harness.Main(register.System()) }
