package model

import (
	"strconv"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Counter returns the model of a counter of 64 bits.
func Counter() *Model {
	return ready(history.ModelCounter, Model{
		Init: func(string) any { return int64(0) },
		Step: func(state any, op *history.Operation) (any, bool) {
			n := state.(int64)
			if op.Outcome == history.Rejected {
				return n, false
			}
			if op.Kind == history.KindAdd {
				n += integer(op.Argument)
			}
			return n, op.State == "" || integer(op.State) == n
		},
		Describe:  func(state any) string { return strconv.FormatInt(state.(int64), 10) },
		Anonymous: true,
	})
}

// integer is the number in a text that a grammar has checked.
func integer(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic("model: the grammar of counters lets this pass: " + err.Error())
	}
	return n
}
