package counter

import "testing"

func TestUnused(t *testing.T) {
	t.Run("is true", func(t *testing.T) {
		if !Unused() {
			t.Fatal("it is false")
		}
	})
}
