package member

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The discrepancies of logs with a memory of life 20 of boot 2, durable up to 200.
func TestCharges(t *testing.T) {
	log := [16]byte{1}
	memory := Memory{Incarnation: log, Boot: 2, Life: 20, Position: 200}
	lives := func(first uint64, n int) (list []Life) {
		for i := range uint64(n) {
			list = append(list, Life{Boot: first + i, ID: 10 * (first + i), End: 1000})
		}
		return list
	}
	for _, c := range []struct {
		name  string
		log   Log
		whole Discrepancy // if the log is complete
		part  Discrepancy // if it may not be
	}{
		{"another log", Log{Incarnation: [16]byte{2}, Boot: 2, Life: 20}, OtherLog, OtherLog},
		{"the same life", Log{Incarnation: log, Boot: 2, Life: 20}, None, None},
		{"the same boot again", Log{Incarnation: log, Boot: 2, Life: 21}, OlderCopy, OlderCopy},
		{"an earlier boot", Log{Incarnation: log, Boot: 1, Life: 10}, OlderCopy, Stale},
		{"a later boot", Log{Incarnation: log, Boot: 3, Life: 30, Past: lives(1, 2)}, None, None},
		{"which left the log earlier", Log{Incarnation: log, Boot: 3, Life: 30, Past: []Life{{2, 20, 199}}}, OlderCopy, OlderCopy},
		{"after another life", Log{Incarnation: log, Boot: 3, Life: 30, Past: []Life{{2, 21, 1000}}}, OlderCopy, OlderCopy},
		{"after half a boot", Log{Incarnation: log, Boot: 4, Life: 40, Past: lives(3, 1)}, OlderCopy, Unproven},
		{"the last lives that a log lists, and this one", Log{Incarnation: log, Boot: 2 + maxLives, Past: lives(2, maxLives)}, None, None},
		{"the last lives that a log lists", Log{Incarnation: log, Boot: 3 + maxLives, Past: lives(3, maxLives)}, Unproven, Unproven},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.part, memory.compare(c.log))
			c.log.Complete = true
			require.Equal(t, c.whole, memory.compare(c.log))
		})
	}
}

// A late duplicate differs from later introductions by its boot, and within a life
// by stage and position.
func TestLateIntroductions(t *testing.T) {
	last := Introduction{Incarnation: [16]byte{1}, Boot: 2, Life: 20, Stage: Bound, Position: 200}
	for _, c := range []struct {
		name   string
		change func(*Introduction)
		late   bool
	}{
		{"the same", func(*Introduction) {}, false},
		{"an earlier boot", func(i *Introduction) { i.Boot, i.Life = 1, 10 }, true},
		{"an earlier stage", func(i *Introduction) { i.Stage = Empty }, true},
		{"an earlier position", func(i *Introduction) { i.Position = 199 }, true},
		{"a later position", func(i *Introduction) { i.Position = 201 }, false},
		{"another life, with a shorter log", func(i *Introduction) { i.Life, i.Position = 21, 100 }, false},
		{"another log", func(i *Introduction) { i.Incarnation[0], i.Boot = 2, 1 }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := last
			c.change(&in)
			require.Equal(t, c.late, in.sentBefore(&last))
		})
	}
}
