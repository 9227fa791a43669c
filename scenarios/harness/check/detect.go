package check

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// guess is the format of a history by its beginning.
type guess struct {
	format string
	reason string // empty if it is certain
}

var (
	namesLockstep = guess{format: formatLockstep}
	namesEtcd     = guess{format: formatEtcd}
	likeLockstep  = guess{formatLockstep, "read as a history of lockstep, as it begins as neither one of Jepsen nor a report of etcd"}
	likeJepsen    = guess{formatJepsen, "read as a history of Jepsen, as it does not begin as one of lockstep"}
	likeEtcd      = guess{formatEtcd, "read as a report of etcd, as it begins as one"}
)

// explain adds to an error about the contents why they were read in this format.
func (g guess) explain(err error) error {
	if g.reason == "" || !errors.Is(err, history.ErrFormat) {
		return err
	}
	return fmt.Errorf("%s (--format names another): %w", g.reason, err)
}

// detectFormat returns the format by the first object or line. It reads no further than
// it must: a stream may have no more yet. An error of the input goes before all formats.
func detectFormat(in *bufio.Reader) (guess, error) {
	for {
		more := min(in.Buffered()+1, in.Size())
		_, err := in.Peek(more)
		start, _ := in.Peek(in.Buffered())
		if err != nil && err != io.EOF {
			return guess{}, err
		}
		if g, sure := guessFormat(start); sure || err == io.EOF || more == in.Size() {
			return g, nil
		}
	}
}

// guessFormat returns the format of a history that begins with a text, and whether more
// of it cannot change that. An object of JSON is lockstep's, unless it is an event of
// Jepsen or an operation of a report of etcd; all else is Jepsen's.
func guessFormat(start []byte) (g guess, sure bool) {
	start = bytes.TrimSpace(bytes.TrimPrefix(start, []byte("\ufeff")))
	if len(start) == 0 {
		return namesLockstep, false // an empty file is told as one
	}
	if array, found := bytes.CutPrefix(start, []byte("[")); found {
		start = bytes.TrimSpace(array)
	}
	inside, object := bytes.CutPrefix(start, []byte("{"))
	inside = bytes.TrimLeft(inside, " \t\r\n,")
	if !object || len(inside) > 0 && inside[0] == ':' {
		return likeJepsen, len(start) > 0
	}
	keys, sure := keysOf(start)
	switch {
	case keys["process"] && keys["type"]:
		return likeJepsen, sure
	case keys["Input"] && keys["Output"]:
		return namesEtcd, sure
	case keys["ClientId"]:
		return likeEtcd, sure
	case keys["format"]:
		return namesLockstep, sure
	}
	return likeLockstep, sure
}

// keysOf returns the keys of the object of JSON with which text begins, without the colon
// that those of Jepsen may have, and whether text has all of the object, or a mistake.
func keysOf(text []byte) (keys map[string]bool, whole bool) {
	keys = map[string]bool{}
	in := json.NewDecoder(bytes.NewReader(text))
	_, err := in.Token() // the brace
	for err == nil && in.More() {
		var key json.Token
		if key, err = in.Token(); err != nil {
			break
		}
		keys[strings.TrimPrefix(key.(string), ":")] = true
		var value json.RawMessage
		err = in.Decode(&value)
	}
	if err == nil {
		_, err = in.Token() // the other brace
	}
	return keys, err != io.EOF && err != io.ErrUnexpectedEOF
}
