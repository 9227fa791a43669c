package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/fleettest"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/stretchr/testify/require"
)

// The test binary is this command when this variable is set, and the program of a system
// when its first argument is fuzz.
const asCommand = "LOCKSTEP_FLEET_AS_COMMAND"

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "fuzz":
		harness.Main(slowCanary())
	case os.Getenv(asCommand) != "":
		main()
	default:
		os.Exit(m.Run())
	}
}

// slowCanary is the canary with runs of some milliseconds, so that a worker can be killed
// within a range.
func slowCanary() scenarios.System {
	sys := canary.System()
	begin := sys.New
	sys.New = func(p *scenarios.Plan) scenarios.Run {
		time.Sleep(3 * time.Millisecond)
		return begin(p)
	}
	return sys
}

// A fleet of three workers, of which one is killed within a range and one is started again,
// and whose server is killed as well, shows the same as one machine: the same state, to the
// last bit but for the times, and the same verdict.
func TestAFleetIsOneMachine(t *testing.T) {
	f := newFleet(t)
	server := f.start("serve", "--dir", "state", "--listen", f.address)
	server.until("the queue is at")
	f.run(0, "submit", "night", "--nats", f.url, "--binary", f.self, "--seeds", "100..699", "--range", "60", "--guard", "5", "--lease", "3s")
	workers := map[string]*process{}
	work := func(name string) {
		workers[name] = f.start("work", "--nats", f.url, "--binary", f.self, "--name", name)
	}
	for _, name := range []string{"ada", "bob", "eve"} {
		work(name)
	}

	killed := f.killOneAtWork(workers)
	work(killed + "-again")
	server.kill()
	f.start("serve", "--dir", "state", "--listen", f.address).until("the queue is at")

	text := f.run(1, "status", "night", "--nats", f.url, "--wait", "--json", "--state", "fleet.json")
	var r fleet.Report
	require.NoError(t, json.Unmarshal([]byte(text), &r), text)
	require.Equal(t, fleet.Failed, r.Verdict)
	require.EqualValues(t, 600, r.Seeds)
	require.Empty(t, r.Conflicts)
	require.Empty(t, r.Troubles)

	f.program(1, "fuzz", "--start", "100", "--seeds", "600", "--guard", "5", "--state", "single.json", "--no-shrink")
	require.Equal(t, f.withoutTimes("single.json"), f.withoutTimes("fleet.json"))

	// Each failure was repeated, and its plan made small.
	require.Len(t, r.Findings, 3)
	for _, found := range r.Findings {
		require.NotNil(t, found.Triage, found.Signature)
		require.True(t, found.Triage.Confirmed, found.Signature)
		require.NotEmpty(t, found.Triage.Plan)
		require.Contains(t, found.Triage.Verdict, found.Signature)
	}

	// The same order again runs nothing; the state is one from which fuzz goes on.
	f.run(0, "submit", "night", "--nats", f.url, "--binary", f.self, "--seeds", "100..699", "--range", "60", "--guard", "5", "--lease", "3s")
	require.Contains(t, f.run(0, "status", "--nats", f.url), "campaign night: 600 of 600 seeds, ")
	require.Contains(t, f.program(1, "fuzz", "--start", "100", "--seeds", "610", "--guard", "5", "--state", "fleet.json", "--no-shrink"), "of 610 seeds")
}

// testFleet runs this command and the program of a system, each in a process of its own.
type testFleet struct {
	t            *testing.T
	dir, self    string
	address, url string
}

func newFleet(t *testing.T) *testFleet {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	self, err := os.Executable()
	require.NoError(t, err)
	return &testFleet{t: t, dir: t.TempDir(), self: self, address: l.Addr().String(), url: "nats://" + l.Addr().String()}
}

func (f *testFleet) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(f.t.Context(), f.self, args...)
	cmd.Dir, cmd.Env = f.dir, append(os.Environ(), asCommand+"=1", "GOMAXPROCS=1")
	return cmd
}

// run runs a command to its end, and returns its output.
func (f *testFleet) run(code int, args ...string) string {
	f.t.Helper()
	out, _ := f.both(code, args...)
	return out
}

// errors runs a command to its end, and returns its error output.
func (f *testFleet) errors(code int, args ...string) string {
	f.t.Helper()
	_, errs := f.both(code, args...)
	return errs
}

func (f *testFleet) both(code int, args ...string) (out, errs string) {
	f.t.Helper()
	cmd := f.command(args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	data, err := cmd.Output()
	require.Equal(f.t, code, cmd.ProcessState.ExitCode(), "%v: %v\n%s%s", args, err, data, said.String())
	return string(data), said.String()
}

// program runs the program of the system.
func (f *testFleet) program(code int, args ...string) string { return f.run(code, args...) }

// process is a command in the background.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	output fleettest.Buffer
	ended  chan struct{}
}

func (f *testFleet) start(args ...string) *process {
	p := &process{t: f.t, cmd: f.command(args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	require.NoError(f.t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // it is killed
	}()
	f.t.Cleanup(func() {
		p.kill()
		if f.t.Failed() {
			f.t.Logf("%v:\n%s", args, p.output.String())
		}
	})
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

func (p *process) until(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.output.String(), text) }, 3*time.Minute, 10*time.Millisecond, text)
}

// killOneAtWork kills a worker that is at a range, and returns its name.
func (f *testFleet) killOneAtWork(workers map[string]*process) (name string) {
	var all struct{ Workers []fleet.WorkerStatus }
	require.Eventually(f.t, func() bool {
		require.NoError(f.t, json.Unmarshal([]byte(f.run(0, "status", "--nats", f.url, "--json")), &all))
		i := slices.IndexFunc(all.Workers, func(w fleet.WorkerStatus) bool { return strings.HasPrefix(w.Now, "range ") })
		if i < 0 {
			return false
		}
		name = all.Workers[i].Name
		workers[name].kill()
		return true
	}, 20*time.Second, 10*time.Millisecond)
	return name
}

// The page and the metrics are served beside the queue, and a campaign can be removed.
func TestServe(t *testing.T) {
	f := newFleet(t)
	p := f.start("serve", "--dir", "state", "--listen", f.address, "--http", "127.0.0.1:0")
	p.until("the page is at ")
	page := regexp.MustCompile(`the page is at (\S+)`).FindStringSubmatch(p.output.String())[1]
	f.run(0, "submit", "night", "--nats", f.url, "--binary", f.self, "--seeds", "40", "--range", "20")
	require.Contains(t, get(t, page+"metrics"), `lockstep_fleet_jobs{campaign="night",kind="range",state="waiting"} 2`)
	require.Contains(t, get(t, page+"v1/campaigns"), `"format":"lockstep-campaigns"`)

	f.start("work", "--nats", f.url, "--binary", f.self)
	require.Eventually(t, func() bool { return strings.Contains(get(t, page+"v1/campaigns"), "lockstep fleet status night") }, 20*time.Second, 50*time.Millisecond)
	f.run(0, "remove", "night", "--nats", f.url)
	f.run(2, "status", "night", "--nats", f.url)
	require.Contains(t, f.errors(2, "remove", "night", "--nats", f.url), `campaign "night": the fleet has none of this name`)
}

// usersConf is the configuration that docs/FLEET.md shows.
const usersConf = "../../scenarios/fleet/natsqueue/testdata/users.conf"

// The two machines of docs/FLEET.md: the operator and the worker have accounts of their own.
func TestTwoMachines(t *testing.T) {
	f := newFleet(t)
	config, err := filepath.Abs(usersConf)
	require.NoError(t, err)
	f.start("serve", "--dir", "state", "--listen", f.address, "--config", config).until("the queue is at")
	url := func(user string) string { return strings.Replace(f.url, "//", "//"+user+":secret@", 1) }
	f.start("work", "--nats", url("worker"), "--accept-programs", "--programs", "programs")
	f.run(0, "submit", "night", "--nats", url("operator"), "--binary", f.self, "--send-program", "--seeds", "40", "--range", "10")
	require.Contains(t, f.run(1, "status", "night", "--nats", url("operator"), "--wait"), "40 of 40 seeds")
	f.errors(2, "submit", "day", "--nats", url("worker"), "--binary", f.self, "--seeds", "40")
	require.Contains(t, f.errors(2, "status", "night", "--nats", url("worker")), "may this user read the results?")
	f.run(0, "remove", "night", "--nats", url("operator"))
}

// Two servers, or two that look after one folder, would lose and repeat things of each other.
func TestAnotherServeHasTheDirectory(t *testing.T) {
	f := newFleet(t)
	p := f.start("serve", "--dir", "a", "--out", "failures", "--listen", f.address)
	p.until("the queue is at")
	text := fmt.Sprintf(": another fleet serve has it: stop that one, or give another directory (process %d)", p.cmd.Process.Pid)
	require.Contains(t, f.errors(2, "serve", "--dir", "a", "--out", "other", "--listen", "127.0.0.1:0"), "--dir a"+text)
	require.Contains(t, f.errors(2, "serve", "--dir", "b", "--out", "failures", "--listen", "127.0.0.1:0"), "--out failures"+text)
}

// A worker waits for a queue of a name that is not known yet, and tells no password.
func TestAWorkerWaitsForItsQueue(t *testing.T) {
	f := newFleet(t)
	p := f.start("work", "--binary", f.self, "--nats", "nats://me:secret@nosuch.invalid:4222")
	p.until("waiting for the queue")
	select {
	case <-p.ended:
		require.Fail(t, "it did not wait", p.output.String())
	case <-time.After(time.Second):
	}
	require.NotContains(t, p.output.String(), "secret")
}

// A wait for a campaign that is interrupted ends with words.
func TestAnInterruptedStatus(t *testing.T) {
	f := newFleet(t)
	f.start("serve", "--dir", "state", "--listen", f.address).until("the queue is at")
	f.run(0, "submit", "night", "--nats", f.url, "--binary", f.self, "--seeds", "4")
	cmd := root()
	cmd.SetArgs([]string{"status", "night", "--nats", f.url, "--wait"})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	require.ErrorContains(t, cmd.ExecuteContext(ctx), "interrupted: the campaign goes on, and lockstep fleet status night --wait waits for it again")
}

func get(t *testing.T, url string) string {
	r, err := http.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(text)
}

func (f *testFleet) withoutTimes(name string) string {
	data, err := os.ReadFile(filepath.Join(f.dir, name))
	require.NoError(f.t, err)
	var kept []string
	for line := range strings.Lines(string(data)) {
		if !strings.Contains(line, `"wall_ns"`) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
