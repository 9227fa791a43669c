package main

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/harness"
)

func TestKV(t *testing.T) { harness.Test(t, System(), harness.Options{}) }
