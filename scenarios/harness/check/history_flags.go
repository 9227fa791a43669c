package check

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/jepsen"
	"github.com/lockstep-dst/lockstep/checker/model"
	"github.com/lockstep-dst/lockstep/node/definition"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

// Values of --format and --failed.
const (
	formatAuto     = "auto"
	formatLockstep = "lockstep"
	formatJepsen   = "jepsen"
	formatEtcd     = "etcd"
	failedNone     = "none"
	failedIllegal  = "illegal"
	nilUnwritten   = "unwritten"
	nilAny         = "any"
)

var formats = []string{formatAuto, formatLockstep, formatJepsen, formatEtcd}

// otherNames are names under which people know models.
var otherNames = map[string]history.Model{"mutex": history.ModelLock, "fifo-queue": history.ModelQueue, "append": history.ModelAppendList}

// transactional are the names of Elle's models.
var transactional = []string{"list-append", "rw-register", "txn"}

// historyFlags holds the flags for reading a history.
type historyFlags struct {
	format, model, failed, initial, nilRead string
	independent                             bool
	definition                              *fsm.Definition // the definition that --model names; nil: none
}

// source is a history that was read, with all that is known of it beside its
// operations.
type source struct {
	history.History
	skipped  int          // lines without an operation
	model    *model.Model // that judges it; nil: the one that it names
	nilReads bool         // reads that ended with nil claim that there was no value; Knossos takes no notice of them
}

// validate checks the flags, and reads the definition that --model names.
func (s *historyFlags) validate() error {
	if !slices.Contains(formats, s.format) {
		return fmt.Errorf("--format %q: want one of %s", s.format, strings.Join(formats, ", "))
	}
	if !slices.Contains([]string{failedNone, failedIllegal}, s.failed) {
		return fmt.Errorf("--failed %q: want %s or %s", s.failed, failedNone, failedIllegal)
	}
	if !slices.Contains([]string{nilUnwritten, nilAny}, s.nilRead) {
		return fmt.Errorf("--nil-read %q: want %s or %s", s.nilRead, nilUnwritten, nilAny)
	}
	if known, found := otherNames[s.model]; found {
		s.model = string(known)
	}
	file, ofFile := strings.CutPrefix(s.model, definitionOf)
	switch {
	case slices.Contains(transactional, s.model):
		return fmt.Errorf("--model %s: histories of transactions are for Elle (https://github.com/jepsen-io/elle); here %s judges lists, and %s one strictly serializable object of registers",
			s.model, history.ModelAppendList, history.ModelMultiRegister)
	case ofFile:
		d, err := definition.ReadFile(file)
		if err != nil {
			return fmt.Errorf("--model %s: %w", s.model, err)
		}
		s.definition = &d
	case s.model == "lifecycle":
		d := fsm.Lifecycle()
		s.definition = &d
	case s.model != "" && !slices.Contains(modelNames(), s.model):
		return fmt.Errorf("--model %q: want one of %s", s.model, strings.Join(modelNames(), ", "))
	}
	return nil
}

// definitionOf precedes the file of a definition in --model.
const definitionOf = "machine:"

// modelNames lists the values of --model, for people.
func modelNames() []string {
	names := []string{"lifecycle", definitionOf + "FILE"}
	for _, g := range history.Grammars() {
		if g.Name != history.ModelMachine {
			names = append(names, string(g.Name))
		}
	}
	return names
}

// completeModel lists them for completion, which goes on with a file.
func completeModel() []string {
	names := modelNames()
	names[1] = definitionOf
	return names
}

// modelHelp has a line for each model that is not of machines, with the kinds of its
// operations.
func modelHelp() string {
	var b strings.Builder
	for _, g := range history.Grammars() {
		if g.Name == history.ModelMachine {
			continue
		}
		var kinds []string
		for _, form := range g.Kinds {
			kinds = append(kinds, string(form.Kind))
		}
		fmt.Fprintf(&b, "  %-14s %s (%s)\n", g.Name, g.About, strings.Join(kinds, ", "))
	}
	return b.String()
}

// modelFlag returns the model that --model names; empty if the flag was not given.
func (s *historyFlags) modelFlag() history.Model {
	if s.definition != nil {
		return history.ModelMachine
	}
	return history.Model(s.model)
}

// read reads the history in a file, or from stdin for "-".
func (s *historyFlags) read(name string, stdin io.Reader, p *cli.Progress) (source, error) {
	if (s.format == formatAuto || s.format == formatEtcd) && isDirectory(name) {
		return s.readReports(name)
	}
	plain, end, err := openInput(name, stdin)
	if err != nil {
		return source{}, err
	}
	defer end()
	in := bufio.NewReaderSize(p.Reading(plain), 64<<10)
	g := guess{format: s.format}
	if s.format == formatAuto {
		if g, err = detectFormat(in); err != nil {
			return source{}, err
		}
	}
	h, err := s.readAs(g.format, in)
	return h, g.explain(err)
}

// readAs reads a history in one of the formats.
func (s *historyFlags) readAs(format string, in io.Reader) (source, error) {
	switch format {
	case formatLockstep:
		return s.readLockstep(in)
	case formatEtcd:
		return s.readEtcd(in)
	}
	return s.readJepsen(in)
}

func (s *historyFlags) readLockstep(in io.Reader) (source, error) {
	if err := s.refuseJepsen(); err != nil {
		return source{}, err
	}
	h, err := history.ReadOn(runtime.GOMAXPROCS(0), atOnce, in)
	if err == nil {
		err = s.adopt(&h)
	}
	if err != nil {
		return source{}, err
	}
	return source{History: h}, nil
}

// refuseJepsen returns an error for flags that are for histories of Jepsen.
func (s *historyFlags) refuseJepsen() error {
	for _, flag := range []struct {
		given bool
		about string
	}{
		{s.failed != failedNone, "--failed " + s.failed + " is for histories of Jepsen: the operations of this one have what a rejection claims"},
		{s.independent, "--independent is for histories of Jepsen: the operations of this one name their machines"},
		{s.nilRead != nilUnwritten, "--nil-read " + s.nilRead + " is for histories of Jepsen: leave reads without a claim out of this one, or make them unknown"},
	} {
		if flag.given {
			return errors.New(flag.about)
		}
	}
	return nil
}

// adopt gives h the initial state of the flags. It returns an error if they differ from
// its header.
func (s *historyFlags) adopt(h *history.History) error {
	if err := s.checkModel(*h); err != nil || s.initial == "" {
		return err
	}
	g, _ := history.GrammarOf(h.Model)
	if err := g.CheckInitial(s.initial); err != nil {
		return err
	}
	if h.Initial != "" && h.Initial != s.initial {
		return fmt.Errorf("--initial %s, but the header has %s: leave --initial out", s.initial, h.Initial)
	}
	h.Initial = s.initial
	return nil
}

// atOnce runs tasks each in a goroutine of its own.
func atOnce(n int, do func(task int)) {
	var all sync.WaitGroup
	for task := range n {
		all.Go(func() { do(task) })
	}
	all.Wait()
}

// checkModel returns an error if --model differs from the header.
func (s *historyFlags) checkModel(h history.History) error {
	if s.model == "" {
		return nil
	}
	if s.modelFlag() != h.Model {
		return fmt.Errorf("--model %s, but the header has model %s: leave --model out", s.model, h.Model)
	}
	if s.definition == nil || slices.ContainsFunc(h.Definitions, func(d fsm.Definition) bool { return reflect.DeepEqual(d, *s.definition) }) {
		return nil
	}
	var names []string
	for _, d := range h.Definitions {
		names = append(names, d.Name)
	}
	return fmt.Errorf("--model %s, but the definitions of the header (%s) do not have %s as it is there: leave --model out",
		s.model, strings.Join(names, ", "), s.definition.Name)
}

func (s *historyFlags) readJepsen(in io.Reader) (source, error) {
	o := jepsen.Options{
		Model: s.modelFlag(), Initial: s.initial, FailedIllegal: s.failed == failedIllegal, Independent: s.independent, NilReads: s.nilRead == nilAny,
	}
	if s.definition != nil {
		o.Definition = *s.definition
	}
	r, err := jepsen.Read(in, o)
	return source{History: r.History, skipped: r.Skipped, nilReads: !o.NilReads}, err
}
