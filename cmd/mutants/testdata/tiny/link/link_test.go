package link

import "testing"

func TestOpen(t *testing.T) {
	Wait()
	if !Open() {
		t.Fatal("it is closed")
	}
}

func TestName(t *testing.T) {
	if Name() != "link" {
		panic(Name())
	}
}
