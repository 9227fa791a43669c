package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/client"
	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/tcp/tcptest"
)

// The size of the siege. With the defaults it takes some seconds; docs/SECURITY.md has the
// line that runs it with ten million inputs, and its figures.
var (
	siegeInputs = flag.Int64("siege.inputs", 20_000, "mutated inputs")
	siegeQuiet  = flag.Duration("siege.quiet", 2*time.Second, "time for which the client is alone in a round")
	siegeRounds = flag.Int("siege.rounds", 2, "rounds, in each of which the client is alone, and then besieged")
	siegeSeed   = flag.Uint64("siege.seed", 1, "seed of the mutations")
	siegeRate   = flag.Int("siege.rate", 100, "operations a second of the client")
	siegeNice   = flag.Int("siege.nice", 0, "niceness that the attackers add to that of the nodes: their processor time is not the cluster's")
)

// siegeLanes is the number of operations of the client that may be under way: enough for a slow
// one to delay no other, two on each machine.
const siegeLanes = 16

// Bounds of the traces that a siege may leave at a node, however long it is.
const (
	siegeHeap        = 24 << 20 // live bytes, after a collection
	siegeResident    = 96 << 20
	siegeDescriptors = 16
	siegeLog         = 8 << 20 // bytes of the directory
	siegeMachines    = 100     // quota
	siegeOutput      = 8 << 10 // bytes printed in a second: twenty lines of each kind of audit, and others more rarely
)

// Mutated frames, requests and files, at all ports and readers at once, also of a member that
// lies and of a client that may write, end no process and leave nothing behind: an ordinary
// client is served, its history is linearizable, and memory, descriptors and logs are as
// before. The log of the test has the latencies of the client, alone and under siege.
func TestSiege(t *testing.T) {
	if testing.Short() {
		t.Skip("attacks processes for some seconds")
	}
	s := newSiege(t)
	s.refuseAll()
	s.users.start()
	before, did := s.rounds()
	s.users.stop()
	s.requireSame(before)
	s.requireCounted(did)
	s.requireQuiet()
	require.Less(t, did.After, did.Heap+siegeHeap, "the readers of files")

	all := s.users.history()
	logSlow(t, all.Operations)
	result := checker.Check(t.Context(), all, checker.Options{Timeout: 10 * testTimeout})
	require.Equal(t, checker.Linearizable, result.Status, result.Explanation)
	s.users.verify(t)
	t.Logf("the client: %d transitions committed, %d rejected, %d unknown, %d reads; linearizable, and none is lost",
		s.users.outcomes.get("committed"), s.users.outcomes.get("rejected"), s.users.outcomes.get("unknown"), s.users.outcomes.get("read"))
}

// logSlow logs the first operations that took a second or more.
func logSlow(t *testing.T, operations []history.Operation) {
	left := 20
	for _, o := range operations {
		if took := time.Duration(o.Return - o.Call); took >= time.Second && left > 0 {
			left--
			t.Logf("slow: client %d, %s %s began at %.1f s and took %v: %s %s", o.Client, o.Kind, o.Machine, time.Duration(o.Call).Seconds(), took.Round(time.Millisecond), o.Outcome, o.Reason)
		}
	}
}

// besieged is a cluster of three honest nodes and a member that lies.
type besieged struct {
	*processCluster
	plan  siegePlan
	debug []string // addresses of profiles
	users *recordingClients
	dir   string
}

func newSiege(t *testing.T) *besieged {
	c := newProcesses(t, 4)
	s := &besieged{processCluster: c, dir: t.TempDir()}
	tokens := filepath.Join(s.dir, "tokens")
	ordinary, mallory := makeTestToken(t, "ordinary", tokens), makeTestToken(t, "mallory", tokens)
	for range 4 {
		s.debug = append(s.debug, tcptest.Address(t))
	}
	c.flags = func(i int) []string {
		segment := "1048576"
		if i == 3 { // its log is a seed of mutated files
			segment = "4096"
		}
		return []string{"--tokens", tokens, "--anonymous", "reader", "--quotas", fmt.Sprintf("machines=%d", siegeMachines), "--segment", segment, "--debug-listen", s.debug[i]}
	}
	for i := range 4 {
		c.start(i)
	}
	for i := range 4 {
		c.awaitReady(i)
	}
	s.users = newClientsOf(t, client.Config{Endpoints: c.endpoints[:3], Token: ordinary}, siegeLanes, 4, "ordinary")
	s.users.every = siegeLanes * time.Second / time.Duration(*siegeRate)
	for i := range 3 { // for the files that are mutated
		r, err := s.users.clients[0].Propose(t.Context(), fmt.Sprintf("lifecycle/file-%d", i), "Running")
		require.NoError(t, err)
		require.Equal(t, node.Committed, r.Outcome, r.Text)
	}
	s.plan = siegePlan{Seed: *siegeSeed, Peers: c.addresses[:3], Clients: c.endpoints[:3], Token: mallory, Log: filepath.Join(s.dir, "log")}
	s.becomeLiar()
	return s
}

// makeTestToken returns a new token of a client that may write.
func makeTestToken(t *testing.T, name, file string) string {
	code, said := runCommand(t, "token", "writer", name, "--tokens", file)
	require.Zero(t, code, said)
	for _, word := range bytes.Fields([]byte(said)) {
		if bytes.HasPrefix(word, []byte("lockstep_")) {
			return string(word)
		}
	}
	require.Fail(t, "no token", said)
	return ""
}

// becomeLiar ends node 4, which has helped to form the cluster, and has the attackers go on in
// its place: with the next boot, and with all that its log says. The log, and a backup of it,
// are seeds of mutated files.
func (s *besieged) becomeLiar() {
	s.kill(3)
	require.NoError(s.t, os.CopyFS(s.plan.Log, os.DirFS(s.data(3))))
	name := filepath.Join(s.dir, "backup")
	code, said := runCommand(s.t, "backup", "--data", s.data(3), "--allow-behind", "-o", name)
	require.Zero(s.t, code, said)
	var err error
	s.plan.Backup, err = os.ReadFile(name)
	require.NoError(s.t, err)
	x, err := member.InspectLog(files.Reader(s.data(3)))
	require.NoError(s.t, err)
	last := x.Lives[len(x.Lives)-1]
	last.End = uint64(x.End)
	s.plan.Liar = liarPlan{ID: 4, Shows: member.Introduction{
		Incarnation: x.Identity.Incarnation, Boot: x.Boots + 1, Life: 0x11a5, Position: uint64(x.End), Stage: member.Formed, Cluster: x.Cluster.ID,
		Past: append(slices.Clone(x.Lives[:len(x.Lives)-1]), last),
	}}
}

// rounds has the client alone and the cluster under siege in turn. It returns the sizes of the
// nodes when the first siege began, and the account of the attackers.
func (s *besieged) rounds() (before []nodeSize, did *siegeReport) {
	var sieges time.Duration
	var p50s, p99s []float64
	for round := range *siegeRounds {
		quiet := s.phase("quiet", func() { time.Sleep(*siegeQuiet) })
		if round == 0 {
			before = s.measure()
		}
		var part siegeReport
		s.plan.Seed = *siegeSeed + uint64(round)
		siege := s.phase("besieged", func() { part = s.attack(*siegeInputs/int64(*siegeRounds), false) })
		did = did.plus(&part)
		sieges += siege.took
		p50s, p99s = append(p50s, ratio(siege.p50, quiet.p50)), append(p99s, ratio(siege.p99, quiet.p99))
		s.t.Logf("round %d\n%v\n%v\nthe nodes hold %v", round+1, quiet, siege, s.measure())
	}
	slices.Sort(p50s)
	slices.Sort(p99s)
	s.t.Logf("seed %d, %d inputs, %.0f a second; besieged to quiet, median of the rounds: p50 %.2f, p99 %.2f (%.2f to %.2f)\n%v",
		*siegeSeed, sum(did.Inputs), float64(sum(did.Inputs))/sieges.Seconds(), p50s[len(p50s)/2], p99s[len(p99s)/2], p99s[0], p99s[len(p99s)-1], did)
	return before, did
}

// attack has the attackers send inputs, and returns their report.
func (s *besieged) attack(inputs int64, refused bool) (did siegeReport) {
	s.plan.Inputs, s.plan.Refused = inputs, refused
	text, err := json.Marshal(s.plan)
	require.NoError(s.t, err)
	line := []string{"lockstep-siege"}
	if *siegeNice > 0 {
		line = []string{"nice", "-n", strconv.Itoa(*siegeNice), "lockstep-siege"}
	}
	cmd := exec.Command(line[0], line[1:]...)
	var trouble bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), &trouble
	out, err := cmd.Output()
	require.NoError(s.t, err, trouble.String())
	require.NoError(s.t, json.Unmarshal(out, &did), "%s", out)
	return did
}

// refuseAll has strangers and posers send inputs that are to be refused, to idle nodes. None of
// them is in the logs: these grow by the notes that a member makes of the others' positions,
// at most one a second of each, whatever the number of inputs.
func (s *besieged) refuseAll() {
	written := func() (all []float64) {
		for i := range 3 {
			all = append(all, s.metric(i, "lockstep_log_written_bytes_total"))
		}
		return all
	}
	before := written()
	eventually(s.t, "the nodes are at rest", func() bool {
		time.Sleep(time.Second)
		was := before
		before = written()
		return slices.Equal(was, before)
	})
	began := time.Now()
	did := s.attack(*siegeInputs/10, true)
	after := written()
	notes := 3 * 128 * (2 + time.Since(began).Seconds())
	unheard, grown := 0.0, 0.0
	for i := range before {
		grown = max(grown, after[i]-before[i])
	}
	require.LessOrEqual(s.t, grown, notes, "bytes of a log: refused inputs are not written")
	for i := range 3 {
		unheard += s.metric(i, "lockstep_peer_messages_unheard_total")
	}
	require.Positive(s.t, unheard)
	s.t.Logf("with nothing else to do the nodes refuse %d inputs in %v, %.0f of them messages that are not heard; a log grows by %.0f bytes", sum(did.Inputs), time.Since(began).Round(time.Second/10), unheard, grown)
}

// nodeSize is the memory, the descriptors and the files of a node.
type nodeSize struct{ heap, resident, descriptors, log float64 }

func (n nodeSize) String() string {
	return fmt.Sprintf("%.1f MB live, %.1f resident, %.0f descriptors, %.1f MB of files", n.heap/1e6, n.resident/1e6, n.descriptors, n.log/1e6)
}

// measure returns the size of each honest node, after a collection.
func (s *besieged) measure() (all []nodeSize) {
	for i := range 3 {
		resp, err := http.Get("http://" + s.debug[i] + "/debug/pprof/heap?gc=1")
		require.NoError(s.t, err)
		discard(resp.Body)
		resp.Body.Close()
		size := nodeSize{heap: s.metric(i, "go_memstats_heap_alloc_bytes"), resident: s.metric(i, "process_resident_memory_bytes"), descriptors: s.metric(i, "process_open_fds")}
		require.NoError(s.t, filepath.WalkDir(s.data(i), func(_ string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				info, err := d.Info()
				if err == nil {
					size.log += float64(info.Size())
				}
			}
			return nil
		}))
		all = append(all, size)
	}
	return all
}

// requireSame compares the sizes of the nodes with the earlier ones.
func (s *besieged) requireSame(before []nodeSize) {
	eventually(s.t, "the attackers' connections are gone", func() bool {
		for i, after := range s.measure() {
			if after.descriptors > before[i].descriptors+siegeDescriptors {
				return false
			}
		}
		return true
	})
	for i, after := range s.measure() {
		b := before[i]
		s.t.Logf("node %d: %v, in the end %v; %.0f machines", i+1, b, after, s.metric(i, "lockstep_machines"))
		require.Less(s.t, after.heap, b.heap+siegeHeap, "node %d: live heap", i+1)
		require.Less(s.t, after.resident, b.resident+siegeResident, "node %d: resident", i+1)
		require.Less(s.t, after.log, b.log+siegeLog, "node %d: directory", i+1)
		require.LessOrEqual(s.t, s.metric(i, "lockstep_machines"), float64(siegeMachines+2*liarKeys), "node %d: machines", i+1)
	}
}

// requireQuiet bounds the output of the nodes for their operators: strangers can cause it.
func (s *besieged) requireQuiet() {
	for i := range 3 {
		said := len(s.running[i].output.String())
		s.t.Logf("node %d has printed %d bytes", i+1, said)
		require.Less(s.t, float64(said), siegeOutput*(60+time.Duration(s.users.recorder.now()).Seconds()), "node %d: bytes for the operator", i+1)
	}
}

// requireCounted compares the metrics of the nodes with the account of the attackers.
func (s *besieged) requireCounted(did *siegeReport) {
	counted := func(name string, labels ...string) (n float64) {
		for i := range 3 {
			n += s.metric(i, name, labels...)
		}
		return n
	}
	ports, streams := counted("lockstep_malformed_total", `what="port"`), counted("lockstep_malformed_total", `what="stream"`)
	messages, unheard := counted("lockstep_malformed_total", `what="message"`), counted("lockstep_peer_messages_unheard_total")
	responses, rejects := counted("lockstep_http_responses_total", `class="4xx"`), counted("lockstep_rejects_total")
	s.t.Logf("the nodes count: malformed at the peers' port %.0f, streams %.0f, messages %.0f; unheard %.0f; responses 4xx %.0f; rejects %.0f; limited %.0f; at the quota %.0f",
		ports, streams, messages, unheard, responses, rejects, counted("lockstep_clients_limited_total"), counted("lockstep_rejects_total", `"quota"`))
	require.GreaterOrEqual(s.t, int64(ports), did.Malformed["posers"]+did.Malformed["a member"])
	require.GreaterOrEqual(s.t, int64(streams), did.Malformed["streams"])
	require.GreaterOrEqual(s.t, int64(responses), did.Refused)
	require.Positive(s.t, unheard)
	require.Positive(s.t, messages, "what the member says that makes no sense")
	for i := range 3 {
		resp, err := http.Get("http://" + s.endpoints[i] + "/v1/machines/" + liarKey(0) + "?consistency=local")
		require.NoError(s.t, err)
		var machine struct{ Version uint64 }
		require.NoError(s.t, json.NewDecoder(resp.Body).Decode(&machine))
		resp.Body.Close()
		require.Positive(s.t, machine.Version, "node %d has heard what the member says was chosen", i+1)
	}
}

// siegePhase is how a client fared for a while.
type siegePhase struct {
	name          string
	n             int
	took          time.Duration
	p50, p99, max time.Duration
}

func (p siegePhase) String() string {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return fmt.Sprintf("%-12s %6d operations in %v: p50 %.2f ms, p99 %.2f ms, max %.1f ms", p.name, p.n, p.took.Round(100*time.Millisecond), ms(p.p50), ms(p.p99), ms(p.max))
}

// phase returns how the client fares while something is done. Operations count that were
// intended to begin in that time.
func (s *besieged) phase(name string, do func()) siegePhase {
	from := time.Duration(s.users.recorder.now())
	do()
	to := time.Duration(s.users.recorder.now())
	time.Sleep(500 * time.Millisecond) // the last ones
	var all []time.Duration
	for i := range s.users.latencies {
		for _, l := range s.users.latenciesOf(i) {
			if from <= l.intended && l.intended < to {
				all = append(all, l.took)
			}
		}
	}
	require.NotEmpty(s.t, all)
	slices.Sort(all)
	return siegePhase{name, len(all), to - from, all[len(all)/2], all[len(all)*99/100], all[len(all)-1]}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func sum(counts map[string]int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}
