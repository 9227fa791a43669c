package campaign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// Format and version of artefacts.
const (
	ArtefactFormat  = "lockstep-artefact"
	ArtefactVersion = 1
)

// ErrArtefact is wrapped by every error about an artefact.
var ErrArtefact = errors.New("invalid artefact")

// Artefact is a plan with the result of a run of it and the build that ran it. It
// preserves a failure that was found, or a run that must continue to pass.
type Artefact struct {
	Format      string          `json:"format"`
	Version     int             `json:"version"`
	Verdict     play.Status     `json:"verdict"`             // expected: passed or violated
	Signature   string          `json:"signature,omitempty"` // expected, if violated
	Hash        string          `json:"hash"`                // of the whole run
	Events      uint64          `json:"events"`
	Build       Build           `json:"build"`       // the build that made this artefact
	Checkpoints []Checkpoint    `json:"checkpoints"` // in order
	Plan        json.RawMessage `json:"plan"`        // as scenarios.Encode writes it
}

// Checkpoint is the hash after an event, counted from 1. Its text form is "120
// 0123456789abcdef".
type Checkpoint struct {
	Event uint64
	Hash  string
}

// MarshalText implements encoding.TextMarshaler.
func (c Checkpoint) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d %s", c.Event, c.Hash), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Checkpoint) UnmarshalText(text []byte) error {
	if n, err := fmt.Sscanf(string(text), "%d %s", &c.Event, &c.Hash); n != 2 {
		return fmt.Errorf("checkpoint %q: want an event's number and a hash: %w", text, err)
	}
	return nil
}

// maxCheckpoints bounds the checkpoints of an artefact.
const maxCheckpoints = 256

// Build identifies the code that ran.
type Build struct {
	Module   string `json:"module,omitempty"`
	Version  string `json:"version,omitempty"`
	Revision string `json:"revision,omitempty"` // of the version control system
	Modified bool   `json:"modified,omitempty"` // there were further changes
	Go       string `json:"go,omitempty"`
}

// ThisBuild returns the build of this process.
func ThisBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{}
	}
	b := Build{Module: info.Main.Path, Version: info.Main.Version, Go: info.GoVersion}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String describes the build.
func (b Build) String() string {
	s := b.Module + " " + b.Version
	if b.Revision != "" {
		s += " revision " + b.Revision
	}
	if b.Modified {
		s += " with changes"
	}
	return s + ", " + b.Go
}

// NewArtefact runs a plan twice: to count the events, and to record the
// checkpoints. It refuses an undecided run.
func NewArtefact(ctx context.Context, sys scenarios.System, p *scenarios.Plan) (Artefact, error) {
	r, err := play.Run(ctx, sys, p, play.Options{})
	if err != nil {
		return Artefact{}, err
	}
	if r.Status == play.Undecided {
		return Artefact{}, fmt.Errorf("seed %d is undecided, which depends on the machine: nothing to expect", p.Seed)
	}
	a := Artefact{
		Format: ArtefactFormat, Version: ArtefactVersion, Verdict: r.Status, Signature: r.Signature(),
		Hash: formatHash(r.Hash), Events: r.Stats.Events, Build: ThisBuild(), Plan: scenarios.Encode(p),
	}
	n := min(maxCheckpoints, a.Events)
	_, err = play.Run(ctx, sys, p, play.Options{OnEvent: func(event, hash uint64) {
		if uint64(len(a.Checkpoints)) < n && event >= a.Events*uint64(len(a.Checkpoints)+1)/n {
			a.Checkpoints = append(a.Checkpoints, Checkpoint{event, formatHash(hash)})
		}
	}})
	return a, err
}

func formatHash(hash uint64) string { return fmt.Sprintf("%016x", hash) }

// EncodeArtefact returns the text form of a: JSON, the plan last.
func EncodeArtefact(a *Artefact) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(a)
	return b.Bytes(), err
}

// IsArtefact reports whether data has the format of an artefact.
func IsArtefact(data []byte) bool {
	var head struct{ Format string }
	return json.Unmarshal(data, &head) == nil && head.Format == ArtefactFormat
}

// DecodeArtefact reads the text form of an artefact, and the plan in it. Both are
// checked.
func DecodeArtefact(data []byte) (Artefact, *scenarios.Plan, error) {
	var a Artefact
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, nil, fmt.Errorf("%w: %w", ErrArtefact, err)
	}
	if err := a.check(); err != nil {
		return a, nil, fmt.Errorf("%w: %w", ErrArtefact, err)
	}
	p, err := scenarios.Decode(a.Plan)
	if err != nil {
		return a, nil, fmt.Errorf("%w: plan: %w", ErrArtefact, err)
	}
	return a, p, nil
}

func (a *Artefact) check() error {
	switch {
	case a.Format != ArtefactFormat:
		return fmt.Errorf("format is %q: want %q", a.Format, ArtefactFormat)
	case a.Version != ArtefactVersion:
		return fmt.Errorf("version: %d: this build reads version %d", a.Version, ArtefactVersion)
	case a.Verdict != play.Passed && a.Verdict != play.Violated:
		return fmt.Errorf("verdict: %q: want passed or violated", a.Verdict)
	case (a.Verdict == play.Violated) != (a.Signature != ""):
		return fmt.Errorf("signature: %q: want one if and only if the verdict is violated", a.Signature)
	}
	for i, c := range a.Checkpoints {
		if i > 0 && c.Event <= a.Checkpoints[i-1].Event || c.Event == 0 {
			return fmt.Errorf("checkpoints[%d].event: %d: want more than the one before", i, c.Event)
		}
	}
	return nil
}

// Comparison compares a run of an artefact's plan with the expected result.
type Comparison struct {
	Holds          bool   // the verdict is the expected one
	SameHash       bool   // and the whole runs are the same
	LastSame       uint64 // if not SameHash: the runs agree up to this event ...
	FirstDifferent uint64 // ... and differ after this one; 0: at the end
}

// Compare runs the artefact's plan again.
func (a *Artefact) Compare(ctx context.Context, sys scenarios.System, p *scenarios.Plan, o play.Options) (play.Result, Comparison, error) {
	var c Comparison
	next := 0
	o.OnEvent = func(event, hash uint64) {
		if c.FirstDifferent != 0 || next == len(a.Checkpoints) || event < a.Checkpoints[next].Event {
			return
		}
		if formatHash(hash) != a.Checkpoints[next].Hash {
			c.FirstDifferent = event
			return
		}
		c.LastSame = event
		next++
	}
	r, err := play.Run(ctx, sys, p, o)
	c.Holds = r.Status == a.Verdict && sameFailure(a.Signature, r.Signature())
	c.SameHash = formatHash(r.Hash) == a.Hash && r.Stats.Events == a.Events
	return r, c, err
}

// anyPanic is the signature that all panics had before each had its own. It stands for
// all of them.
const anyPanic = "assertion/panic"

// sameFailure reports whether a signature is the expected one, which may have an older
// name.
func sameFailure(expected, signature string) bool {
	expected = scenarios.CurrentSignature(expected)
	return signature == expected || expected == anyPanic && strings.HasPrefix(signature, anyPanic+"-")
}

// Text describes the comparison for a person.
func (c *Comparison) Text(a *Artefact, r *play.Result) string {
	want := string(a.Verdict)
	if a.Signature != "" {
		want += " " + a.Signature
	}
	got := string(r.Status)
	if s := r.Signature(); r.Status == play.Violated {
		got += " " + s
	}
	text := fmt.Sprintf("the verdict holds: %s\n", want)
	if !c.Holds {
		text = fmt.Sprintf("the verdict does not hold: expected %s, is %s\n", want, got)
	}
	switch {
	case a.Hash == "": // only the verdict is expected
		return text
	case c.SameHash:
		return text + "the hash holds: all that happened is the same\n"
	case c.FirstDifferent != 0:
		text += fmt.Sprintf("the hash differs: the same up to event %d, and not at event %d\n", c.LastSame, c.FirstDifferent)
	default:
		text += fmt.Sprintf("the hash differs: the same up to event %d, and other at the end (%d events, was %d)\n", c.LastSame, r.Stats.Events, a.Events)
	}
	return text + fmt.Sprintf("it was kept by %v\n", a.Build)
}
