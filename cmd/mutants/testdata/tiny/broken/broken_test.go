package broken

import "testing"

func TestBroken(t *testing.T) { t.Fatal("it fails, whatever the code is") }
