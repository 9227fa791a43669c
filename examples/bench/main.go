// Command bench runs three nodes of lockstep and three of etcd side by side, loads
// them in turn, and prints rates, latencies, processor time and ratios. README.md
// describes what is measured, and how.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	runtime.LockOSThread() // children die with the thread that has started them, see start
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags of the command.
type options struct {
	clients        []int
	workloads      []string
	rounds         int
	measure        time.Duration
	warmup         time.Duration
	connections    int
	check          bool
	dir            string
	source, binary string
	etcd           string
	tls            bool
	json           bool
}

// noEtcd is the value of --etcd that leaves etcd out.
const noEtcd = "none"

func parse(args []string, help io.Writer) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(help)
	clients := f.String("clients", "1,64,256", "numbers of clients in a closed loop")
	workloads := f.String("workloads", "writes,reads", "writes (a transition, a put) and linearizable reads")
	f.IntVar(&o.rounds, "rounds", 3, "rounds; in each, every cell of the table is measured on both sides")
	f.DurationVar(&o.measure, "for", 5*time.Second, "measure each cell so long")
	f.DurationVar(&o.warmup, "warmup", time.Second, "load so long before")
	f.IntVar(&o.connections, "connections", 4, "connections that the clients of a side share")
	f.BoolVar(&o.check, "check", true, "have lockstep bench judge what its clients see")
	f.StringVar(&o.dir, "dir", "", "directory for data, on the file system to measure (default: a temporary one); a new directory in it is used and removed")
	f.StringVar(&o.source, "source", "../..", "directory of lockstep's source, to build the command")
	f.StringVar(&o.binary, "lockstep", "", "the lockstep command (default: built from --source)")
	f.StringVar(&o.etcd, "etcd", "etcd", "the etcd command; none: measure lockstep alone")
	f.BoolVar(&o.tls, "tls", false, "measure lockstep with TLS, too")
	f.BoolVar(&o.json, "json", false, "print JSON")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for _, text := range strings.Split(*clients, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > 10_000 {
			return o, fmt.Errorf("--clients %q: want numbers from 1 to 10000, as in 1,64,256", *clients)
		}
		o.clients = append(o.clients, n)
	}
	o.workloads = strings.Split(*workloads, ",")
	for _, w := range o.workloads {
		if w != writes && w != reads {
			return o, fmt.Errorf("--workloads %q: want %s, %s or both with a comma", *workloads, writes, reads)
		}
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("want flags only, got %q", f.Args())
	case o.rounds < 1 || o.rounds > 100:
		return o, fmt.Errorf("--rounds %d: want 1 to 100", o.rounds)
	case o.measure <= 0 || o.measure > maxMeasure:
		return o, fmt.Errorf("--for %v: want more than 0 and at most %v", o.measure, maxMeasure)
	case o.warmup < 0 || o.warmup > maxMeasure:
		return o, fmt.Errorf("--warmup %v: want 0 to %v", o.warmup, maxMeasure)
	case o.connections < 1 || o.connections > 1000:
		return o, fmt.Errorf("--connections %d: want 1 to 1000", o.connections)
	}
	return o, nil
}

// maxMeasure bounds the time of one cell. etcd refuses writes beyond two gigabytes.
const maxMeasure = 5 * time.Minute

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	if len(args) > 0 && args[0] == etcdLoadCommand {
		return runEtcdLoad(ctx, args[1:], out)
	}
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	if o.etcd != noEtcd {
		if o.etcd, err = exec.LookPath(o.etcd); err != nil {
			return fmt.Errorf("--etcd: %w; on Debian: apt-get install etcd-server; or leave it out by --etcd none", err)
		}
	}
	dir, err := os.MkdirTemp(o.dir, "lockstep-bench-*")
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.binary == "" {
		o.binary = filepath.Join(dir, "lockstep")
		if err := build(ctx, o.source, o.binary); err != nil {
			return err
		}
	}
	sides := []side{&lockstep{binary: o.binary}}
	if o.tls {
		sides = append(sides, &lockstep{binary: o.binary, tls: true})
	}
	if o.etcd != noEtcd {
		sides = append(sides, &etcd{binary: o.etcd})
	}
	for _, s := range sides {
		defer s.stop()
		if err := s.start(ctx, dir); err != nil {
			return fmt.Errorf("starting %s: %w", s.name(), err)
		}
	}
	result, err := measureAll(ctx, o, sides, dir, progress)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(out).Encode(result)
	}
	return result.print(out)
}

// build builds the lockstep command.
func build(ctx context.Context, source, binary string) error {
	absolute, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	said, err := exec.CommandContext(ctx, "go", "-C", source, "build", "-o", absolute, "./cmd/lockstep").CombinedOutput()
	if err != nil {
		return fmt.Errorf("building lockstep in --source %s: %w\n%s", source, err, said)
	}
	return nil
}

// measureAll measures every cell on each side in every round. Sides take turns at
// being first, so that a host that becomes slower favours neither.
func measureAll(ctx context.Context, o options, sides []side, dir string, progress io.Writer) (*results, error) {
	r := &results{Rounds: o.rounds, Seconds: o.measure.Seconds(), Connections: o.connections, Judged: o.check, CPUs: runtime.NumCPU()}
	for round := range o.rounds {
		order := slices.Clone(sides)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, w := range o.workloads {
			for _, n := range o.clients {
				c := r.cell(w, n)
				for _, s := range order {
					m, err := measure(ctx, s, load{workload: w, clients: n, round: round, options: o, probe: dir})
					if err != nil {
						return nil, fmt.Errorf("%s, %s of %d clients: %w", s.name(), w, n, err)
					}
					c.Runs[s.name()] = append(c.Runs[s.name()], m)
					fmt.Fprintf(progress, "round %d of %d: %s of %d clients: %s %.0f/s\n", round+1, o.rounds, w, n, s.name(), m.PerSecond)
				}
			}
		}
	}
	r.finish()
	return r, nil
}

// measure runs one load on one side, and adds the processor time.
func measure(ctx context.Context, s side, l load) (measurement, error) {
	limit := 2*(l.options.warmup+l.options.measure) + time.Minute
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	before, begin := s.cpu(), time.Now()
	m, used, err := s.load(ctx, l)
	if err != nil {
		return m, err
	}
	took := time.Since(begin)
	m.ServerCPU, m.LoadCPU = (s.cpu() - before).Seconds(), used.Seconds()
	m.ServerCores, m.LoadCores = m.ServerCPU/took.Seconds(), m.LoadCPU/took.Seconds()
	return m, nil
}
