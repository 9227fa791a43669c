package httpapi

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
)

// Target is the first line of an HTTP request: its method, its path as it is sent, and
// its query.
type Target struct {
	Method, Path, Query string
}

// TargetOf returns the target of a request for an operation. ReadKind and KeyIn are its
// inverse.
func TargetOf(r *op.Request) Target {
	t := Target{Method: "GET", Path: pathOf(r.Key)}
	switch r.Kind {
	case op.Propose:
		t.Method, t.Path = "POST", t.Path+"/transitions"
	case op.ReadLocal:
		t.Query = "consistency=" + local
	}
	return t
}

// String returns the part of a URL after the host.
func (t Target) String() string {
	if t.Query == "" {
		return t.Path
	}
	return t.Path + "?" + t.Query
}

// Values of the parameter consistency.
const (
	local        = "local"
	linearizable = "linearizable"
)

// Consistency returns the name of a read's guarantee.
func Consistency(isLinearizable bool) string {
	if isLinearizable {
		return linearizable
	}
	return local
}

const machinesPath = "/v1/machines/"

// pathOf returns the path of a machine. All bytes of a key may stand in a path, but for a
// name of one or two dots: clients, proxies and servers take that for a step up.
func pathOf(key string) string {
	definition, name, _ := strings.Cut(key, "/")
	return machinesPath + segment(definition) + "/" + segment(name)
}

func segment(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

// KeyIn returns the key of the machine that an escaped path is about: that of the machine,
// or one below.
func KeyIn(path string) (string, error) {
	rest, found := strings.CutPrefix(path, machinesPath)
	if !found {
		return "", fmt.Errorf("%s: want %sDEFINITION/NAME", path, machinesPath)
	}
	parts := strings.SplitN(rest, "/", 3)
	for i := range parts {
		part, err := url.PathUnescape(parts[i])
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		parts[i] = part
	}
	key := strings.Join(parts[:min(2, len(parts))], "/")
	if _, _, err := fsm.SplitKey(key); err != nil {
		return "", err
	}
	return key, nil
}

// ReadKind returns the kind of read that a query asks for. Without a consistency it is
// linearizable.
func ReadKind(query string) (op.Kind, error) {
	q, err := ReadQuery(query, "consistency")
	if err != nil {
		return 0, err
	}
	isLinearizable, err := ParseConsistency(q.Get("consistency"), true)
	if isLinearizable {
		return op.Read, err
	}
	return op.ReadLocal, err
}

// ParseConsistency reads the parameter consistency; if it is empty, missing is the answer.
func ParseConsistency(text string, missing bool) (isLinearizable bool, err error) {
	switch text {
	case "":
		return missing, nil
	case local, linearizable:
		return text == linearizable, nil
	}
	return false, fmt.Errorf("consistency %q: want %s or %s", text, local, linearizable)
}
