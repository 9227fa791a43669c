package history

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// atOnce is a Run with a goroutine for each task.
func atOnce(n int, do func(task int)) {
	var all sync.WaitGroup
	for task := range n {
		all.Go(func() { do(task) })
	}
	all.Wait()
}

// backwards is a Run that begins with the last task.
func backwards(n int, do func(task int)) { serially(n, func(task int) { do(n - 1 - task) }) }

// readByLine is Read by way of a Reader.
func readByLine(r io.Reader) (History, error) {
	in, err := NewReader(r)
	if err != nil {
		return History{}, err
	}
	h := History{Model: in.Header.Model, Definitions: in.Header.Definitions, Initial: in.Header.Initial}
	var bad BadLines
	for !bad.Full() {
		op, err := in.Next()
		switch {
		case err == io.EOF:
			return h, bad.Err()
		case errors.Is(err, ErrFormat):
			bad.add(err)
		case err != nil:
			return History{}, err
		default:
			h.Operations = append(h.Operations, op)
		}
	}
	bad.Stop()
	return History{}, bad.Err()
}

// However the tasks are run, and on however many cores, the result is that of reading
// line by line, and so are the errors and their lines.
func TestReadOnManyCores(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, Write(&text, longHistory(4_000)))
	whole := strings.SplitAfter(text.String(), "\n")
	random := rand.New(rand.NewPCG(1, 1))
	damages := []func(line string) string{
		func(string) string { return "{}\n" },
		func(string) string { return "\n" },
		func(line string) string { return line + line },
		func(line string) string { return line[:len(line)/2] + "\n" },
		func(line string) string { return strings.Replace(line, `"call"`, `"c\u0061ll"`, 1) }, // which is sound
		func(line string) string { return strings.Replace(line, "Init", "Nowhere", 1) },
	}
	for _, damaged := range []int{0, 1, 19, 20, 60} {
		for _, cut := range []int{0, 30} {
			lines := append([]string(nil), whole...)
			for range damaged {
				at := 1 + random.IntN(len(lines)-2)
				lines[at] = damages[random.IntN(len(damages))](lines[at])
			}
			text := strings.Join(lines, "")
			text = text[:len(text)-cut]
			for _, end := range []io.Reader{strings.NewReader(""), brokenDisk{errors.New("disk on fire")}} {
				want, wantErr := readByLine(io.MultiReader(strings.NewReader(text), end))
				for _, run := range []Run{serially, backwards, atOnce} {
					for _, width := range []int{0, 3} {
						got, err := ReadOn(width, run, io.MultiReader(strings.NewReader(text), end))
						require.Equal(t, wantErr == nil, err == nil)
						if err != nil {
							require.Equal(t, wantErr.Error(), err.Error())
							continue
						}
						require.Equal(t, want.Operations, got.Operations)
					}
				}
			}
		}
	}
}
