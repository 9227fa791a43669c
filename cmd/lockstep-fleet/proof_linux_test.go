package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/natsqueue"
	"github.com/stretchr/testify/require"
)

// The size of the proof. With the defaults it takes some seconds; docs/FLEET.md has the line
// that runs it with a million seeds.
var (
	proofSeeds   = flag.Int("proof.seeds", 800, "seeds of the campaign")
	proofRange   = flag.Int("proof.range", 10, "seeds of a range")
	proofWorkers = flag.Int("proof.workers", 8, "workers, each a process that runs a seed at a time")
	proofKills   = flag.Int("proof.kills", 5, "workers that are killed, and started again")
	proofCalm    = flag.Bool("proof.calm", false, "kill nothing, and pause nothing")
	proofLease   = flag.Duration("proof.lease", 3*time.Second, "lease of a range")
	proofUpsets  = flag.Uint64("proof.upsets", 1, "seed of the choice of workers and times")
	proofProgram = flag.String("proof.program", "", "program that runs the seeds, by its full path (default: the canary, with slow runs)")
	proofPlans   = flag.String("proof.plans", "", "flags that choose the plans, as of fuzz and of submit, apart by spaces")
)

// Workers that are killed within ranges and started again, a worker that is stopped for longer
// than its lease, and a server that is killed change nothing: the state is that of one
// machine, to the last bit but for the times. The log has what the fleet costs.
func TestProof(t *testing.T) {
	adoptOrphans(t)
	f := newFleet(t)
	p := &proof{testFleet: f, program: *proofProgram, seeds: strconv.Itoa(*proofSeeds), plans: strings.Fields(*proofPlans), rng: rand.New(rand.NewPCG(*proofUpsets, 0))}
	if p.program == "" {
		p.program = f.self
	}
	require.True(t, filepath.IsAbs(p.program), "-proof.program: want a full path")
	before := coreTime(t)
	r := p.runFleet()
	fleetTime := coreTime(t) - before
	plainTime := p.runPlain() // after the fleet: its memory is warm, which favours it
	apartTime := p.runApart()
	require.EqualValues(t, *proofSeeds, r.Seeds)
	require.Empty(t, r.Conflicts)
	require.Empty(t, r.Troubles)
	require.Equal(t, f.withoutTimes("single.json"), f.withoutTimes("fleet.json"))
	t.Logf("the fleet's state is that of one machine, hash %s; %d failures of %d signatures", r.Hash, r.Failed, len(r.Findings))
	require.True(t, p.upset > 0 || *proofCalm, "the campaign was too short for any upset")
	more := func(than time.Duration) float64 { return 100 * (fleetTime.Seconds()/than.Seconds() - 1) }
	t.Logf("core time: fleet %.1f s, one machine %.1f s: %+.1f %%", fleetTime.Seconds(), plainTime.Seconds(), more(plainTime))
	t.Logf("core time of %d processes of fuzz at the same time, without a fleet: %.1f s: %+.1f %%", *proofWorkers, apartTime.Seconds(), more(apartTime))
	t.Logf("messages: %.1f in and %.1f out per 1,000 seeds", 1000*p.in/float64(*proofSeeds), 1000*p.out/float64(*proofSeeds))
}

// proof is a campaign with workers and a server that are upset.
type proof struct {
	*testFleet
	program, seeds string
	plans          []string // flags
	code           int      // of the fleet's verdict
	rng            *rand.Rand
	server         *process
	page           string // of the server
	workers        []*process
	lives          int
	in, out        float64 // messages of the servers that have ended
	upset          int
}

func (p *proof) runFleet() (r fleet.Report) {
	p.serve()
	submit := []string{"submit", "proof", "--nats", p.url, "--binary", p.program, "--seeds", p.seeds, "--range", strconv.Itoa(*proofRange), "--lease", proofLease.String()}
	p.run(0, append(submit, p.plans...)...)
	for range *proofWorkers {
		p.workers = append(p.workers, p.work())
	}
	p.upsetUntilDone()
	text := p.verdict()
	require.NoError(p.t, json.Unmarshal([]byte(text), &r), text)
	for _, w := range p.workers {
		w.interrupt()
	}
	p.countMessages()
	p.server.interrupt()
	return r
}

// verdict returns the report of the campaign, and keeps its exit code.
func (p *proof) verdict() string {
	cmd := p.command("status", "proof", "--nats", p.url, "--wait", "--json", "--state", "fleet.json")
	text, err := cmd.Output()
	p.code = cmd.ProcessState.ExitCode()
	require.Contains(p.t, []int{0, 1}, p.code, "%v: %s", err, text)
	return string(text)
}

// runPlain runs the seeds on all cores of this machine, and returns the core time.
func (p *proof) runPlain() time.Duration {
	before := coreTime(p.t)
	cmd := p.fuzz(runtime.NumCPU(), "single", "--seeds", p.seeds)
	text, _ := cmd.CombinedOutput() // a campaign that fails has its exit code
	require.Equal(p.t, p.code, cmd.ProcessState.ExitCode(), "%s", text)
	return coreTime(p.t) - before
}

// runApart runs the seeds in as many processes as the fleet has workers, all at the same time,
// and returns their core time: processes that share cores take more of it, in a fleet or not.
func (p *proof) runApart() time.Duration {
	before := coreTime(p.t)
	each := *proofSeeds / *proofWorkers
	var all []*exec.Cmd
	for i := range *proofWorkers {
		cmd := p.fuzz(1, fmt.Sprintf("apart-%d", i), "--start", strconv.Itoa(i*each), "--seeds", strconv.Itoa(each))
		require.NoError(p.t, cmd.Start())
		all = append(all, cmd)
	}
	for _, cmd := range all {
		_ = cmd.Wait() // its verdict is not asked for
	}
	return coreTime(p.t) - before
}

// fuzz is a campaign without a fleet, which keeps all that it does under a name.
func (p *proof) fuzz(workers int, name string, flags ...string) *exec.Cmd {
	cmd := p.command(slices.Concat([]string{"fuzz", "--state", name + ".json", "--out", name, "--no-shrink", "--workers", strconv.Itoa(workers)}, flags, p.plans)...)
	cmd.Path, cmd.Args[0], cmd.Env = p.program, p.program, append(cmd.Env, "GOMAXPROCS="+strconv.Itoa(workers))
	return cmd
}

var pageAddress = regexp.MustCompile(`the page is at (\S+)`)

func (p *proof) serve() {
	p.server = p.start("serve", "--dir", "state", "--listen", p.address, "--http", "127.0.0.1:0")
	p.server.until("the page is at ")
	p.page = pageAddress.FindStringSubmatch(p.server.output.String())[1]
}

func (p *proof) work() *process {
	p.lives++
	return p.start("work", "--nats", p.url, "--binary", p.program, "--workers", "1", "--dir", p.dir, "--name", fmt.Sprintf("w%d", p.lives)) // killed ones leave files
}

var messagesMetric = regexp.MustCompile(`(?m)^lockstep_fleet_messages_total\{direction="(in|out)"\} (\S+)$`)

// countMessages adds the messages of the server, which is about to end.
func (p *proof) countMessages() {
	all := messagesMetric.FindAllStringSubmatch(get(p.t, p.page+"metrics"), -1)
	require.Len(p.t, all, 2)
	for _, m := range all {
		n, err := strconv.ParseFloat(m[2], 64)
		require.NoError(p.t, err)
		if m[1] == "in" {
			p.in += n
		} else {
			p.out += n
		}
	}
}

// upsetUntilDone upsets the fleet at shares of its work, and waits until no range is left.
func (p *proof) upsetUntilDone() {
	nc, err := natsqueue.Connect(natsqueue.Login{URL: p.url, Name: "proof"})
	require.NoError(p.t, err)
	defer nc.Close()
	q, err := natsqueue.Open(p.t.Context(), nc)
	require.NoError(p.t, err)
	c, err := named(p.t.Context(), q, "proof")
	require.NoError(p.t, err)
	upsets := p.upsets()
	ranges := (*proofSeeds + *proofRange - 1) / *proofRange
	every := time.Duration(min(max(50, *proofSeeds/20), 1000)) * time.Millisecond // each look is a message
	for {
		time.Sleep(every)
		ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
		left, err := q.Left(ctx, c, fleet.RangeKind)
		cancel()
		if err != nil { // the server begins again
			continue
		}
		if left == (fleet.Left{}) {
			p.t.Logf("upsets: %d, and %d for which the campaign was too short", p.upset, len(upsets))
			return
		}
		done := float64(ranges-left.Waiting-left.Leased) / float64(ranges)
		if len(upsets) > 0 && done >= upsets[0].at {
			upsets[0].do()
			upsets, p.upset = upsets[1:], p.upset+1
		}
	}
}

// upset is one event, when a share of the ranges is done.
type upset struct {
	at float64
	do func()
}

// upsets returns the events in their order.
func (p *proof) upsets() (list []upset) {
	if *proofCalm {
		return nil
	}
	for range *proofKills {
		list = append(list, upset{0.6 * p.rng.Float64(), p.killWorker})
	}
	list = append(list, upset{0.1, p.pauseWorker}, upset{0.3 + 0.2*p.rng.Float64(), p.killServer})
	slices.SortFunc(list, func(a, b upset) int { return int(1e6 * (a.at - b.at)) })
	return list
}

func (p *proof) killWorker() {
	i := p.rng.IntN(len(p.workers))
	p.workers[i].kill()
	p.workers[i] = p.work()
}

// pauseWorker stops a worker for longer than its lease. Its range goes to another one.
func (p *proof) pauseWorker() {
	w := p.workers[p.rng.IntN(len(p.workers))]
	require.NoError(p.t, w.cmd.Process.Signal(syscall.SIGSTOP))
	time.AfterFunc(2**proofLease, func() { _ = w.cmd.Process.Signal(syscall.SIGCONT) }) // it may have been killed
}

func (p *proof) killServer() {
	p.countMessages()
	p.server.kill()
	p.serve()
}

// interrupt ends a process as Ctrl-C does, also one that is stopped.
func (p *process) interrupt() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // it may have ended
	_ = p.cmd.Process.Signal(os.Interrupt)
	<-p.ended
}

// adoptOrphans has the processes of killed workers become children of this one, so that
// their core time is counted.
func adoptOrphans(t *testing.T) {
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
	require.Zero(t, errno)
}

// coreTime returns the core time of all processes that this one has started and that have
// ended.
func coreTime(t *testing.T) time.Duration {
	for { // orphans, which nothing else waits for
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if pid <= 0 || err != nil {
			break
		}
	}
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
