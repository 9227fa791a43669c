package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// ErrWorker is wrapped by errors about the report of a worker.
var ErrWorker = errors.New("not a report of a worker")

// maxNow bounds the text of a worker's work.
const maxNow = 256

// ParseWorker parses the report of the worker of a name, which may come from a stranger.
// Its texts are short, printable, and in one line.
func ParseWorker(name string, data []byte) (*WorkerStatus, error) {
	var w WorkerStatus
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWorker, err)
	}
	if w.Name != name || !ValidName(name) || w.Build != "" && !buildForm.MatchString(w.Build) {
		return nil, fmt.Errorf("%w: worker %.40q, build %.40q: want the name %.40q, and the 16 hexadecimal digits of a program or nothing", ErrWorker, w.Name, w.Build, name)
	}
	w.Now = oneLine(strings.ToValidUTF8(w.Now[:min(len(w.Now), maxNow)], ""))
	return &w, nil
}

// oneLine returns a text with a space for each character that is not printable.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}
