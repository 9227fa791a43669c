package wal_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/sim/golden"
)

// A transcript is a list of commands, each followed by its indented output. Lines
// that begin with # are comments.
//
//	recover            begin a life
//	look               recover, but change nothing
//	run                take, execute and report until there are no requests
//	append WORD        append an entry
//	take               take requests
//	do [N|all]         execute and report one request, or N, or all that were taken
//	fail               report the next request as failed
//	crash all|none|I…  lose power; the arguments are the pending pieces that survive
//	trim LSN           trim the entries that end before a position
//	segment BYTES      the size of segments from the next life on
//	files              list the files and their bytes, without zeros at the end
//	flip [FILE] OFFSET damage a byte
//	zero OFFSET        fill the first segment with zeros from there on
//	shorten BYTES      cut the first segment
//	rest               make the mark cover everything that is durable
//	refuse             report the next request as failed with ErrFull
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, "testdata/*.txt", func(*testing.T) func([]string) string {
		x := &transcript{d: newDisk(16), options: oneSegment}
		return func(words []string) string { return x.command(words[0], words[1:]) }
	})
}

type transcript struct {
	d      *disk
	log    *wal.Log
	issued []wal.DiskRequest

	options wal.Options
}

func (x *transcript) command(name string, args []string) string {
	switch name {
	case "recover":
		log, answer := x.look()
		x.log, x.issued = log, nil
		return answer + "\n" + x.state()
	case "look":
		_, answer := x.look()
		return answer
	case "run":
		run(x.log, x.d)
		return x.state()
	case "append":
		return fmt.Sprintf("ends at %d", x.log.Append([]byte(args[0])))
	case "take":
		return x.take()
	case "do":
		return x.do(args)
	case "fail":
		x.log.Done(x.issued[0].Token, errDisk)
		x.issued = nil
		return x.log.Failed().Error()
	case "refuse":
		x.log.Done(x.issued[0].Token, wal.ErrFull)
		x.issued = x.issued[1:]
		return fmt.Sprintf("%s, full: %v, failed: %v", x.state(), x.log.Full(), x.log.Failed())
	case "rest":
		x.log.SyncMark()
		return fmt.Sprintf("rested %v", x.log.IsMarkSynced())
	case "zero", "shorten":
		at, _ := strconv.Atoi(args[0])
		for _, files := range []map[string][]byte{x.d.durable, x.d.visible} {
			clear(files[segment1][at:])
			if name == "shorten" {
				files[segment1] = files[segment1][:at]
			}
		}
		return ""
	case "crash":
		return x.crash(args)
	case "trim":
		at, _ := strconv.Atoi(args[0])
		x.log.Trim(wal.LSN(at))
		return x.state()
	case "segment":
		x.options.Segment, _ = strconv.Atoi(args[0])
		return ""
	case "files":
		return x.files()
	case "flip":
		file := segment1
		if len(args) > 1 {
			file = args[0]
		}
		at, _ := strconv.Atoi(args[len(args)-1])
		x.d.durable[file][at] ^= 3 // one bit would show in the last batch, too
		x.d.visible[file][at] ^= 3
		return ""
	}
	return "unknown command"
}

func (x *transcript) look() (*wal.Log, string) {
	log, was, found, err := recoverWith(x.d, identity, x.options)
	if err != nil {
		return nil, err.Error()
	}
	return log, fmt.Sprintf("boot %d, fresh %v, entries %q, %d bytes cut", was.Boot, was.Fresh, texts(found), was.TornBytes)
}

func (x *transcript) files() string {
	var b strings.Builder
	names, _ := x.d.List()
	for _, name := range names {
		data := x.d.visible[name]
		fmt.Fprintf(&b, "%s %d of %d\n", name, len(used(data)), len(data))
	}
	return b.String()
}

func (x *transcript) take() string {
	x.issued = x.log.Take(x.issued)
	var b strings.Builder
	for _, r := range x.issued {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}

func (x *transcript) do(args []string) string {
	n := 1
	if len(args) > 0 {
		n, _ = strconv.Atoi(args[0])
	}
	if len(args) > 0 && args[0] == "all" {
		n = len(x.issued)
	}
	n = min(n, len(x.issued))
	for _, r := range x.issued[:n] {
		x.d.execute(r)
		x.log.Done(r.Token, nil)
	}
	x.issued = x.issued[n:]
	return x.state()
}

func (x *transcript) state() string {
	return fmt.Sprintf("durable %d of %d, ready %v", x.log.Durable(), x.log.End(), x.log.Ready())
}

func (x *transcript) crash(args []string) string {
	var b strings.Builder
	x.d = x.d.powerLoss(func(i int) bool {
		survives := args[0] == "all"
		for _, arg := range args {
			survives = survives || arg == strconv.Itoa(i)
		}
		fmt.Fprintf(&b, "%d %v", i, x.d.pieces()[i])
		if !survives {
			b.WriteString(" is lost")
		}
		b.WriteString("\n")
		return survives
	})
	return b.String()
}
