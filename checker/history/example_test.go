package history_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// A history is text, a line an operation.
func Example() {
	h := history.History{Model: history.ModelRegister, Operations: []history.Operation{
		{Client: 1, ID: "w", Kind: history.KindWrite, Argument: "1", Call: 1, Return: 5, Outcome: history.Committed, Version: history.NoVersion},
		{Client: 2, ID: "r", Kind: history.KindRead, Call: 2, Return: 3, Outcome: history.Committed, State: "1", Version: history.NoVersion},
	}}
	if err := history.Write(os.Stdout, h); err != nil {
		fmt.Println(err)
	}
	_, err := history.Read(strings.NewReader(`{"format":"lockstep-history","version":2,"model":"register"}` + "\n" + `{"client":1,"id":"w","call":7}` + "\n"))
	fmt.Println(err)
	// Output:
	// {"format":"lockstep-history","version":2,"model":"register"}
	// {"client":1,"id":"w","kind":"write","argument":"1","call":1,"return":5,"outcome":"committed"}
	// {"client":2,"id":"r","kind":"read","call":2,"return":3,"outcome":"committed","state":"1"}
	// malformed history: line 2: kind: missing: add it
}
