package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// spareHeap is garbage, in bytes, that a process of nodes may have before it is collected,
// however little is alive. A node with few machines has some megabytes alive, and makes as
// much garbage every ten milliseconds: with the usual pace the collector takes some tenth of
// its processor time.
const spareHeap = 64 << 20

// leastAlive bounds the pace: a heap that grows, as when a log is read, is collected before it is
// some nine times the heap that the last collection found alive.
const leastAlive = 8 << 20

// usualPercent is the pace of the collector by default: as much garbage as is alive.
const usualPercent = 100

// collectorPercent returns the pace (debug.SetGCPercent) for a process of which so many bytes are
// alive: it may have spareHeap of garbage, and an eighth of the live heap. With the usual pace a
// node with a million machines takes twice their memory, for a tenth less processor time.
func collectorPercent(alive uint64) int {
	return int(100 * (spareHeap + alive/8) / max(alive, leastAlive))
}

// paceCollector has the collector follow collectorPercent, from now until stop is called. It does
// nothing if the environment sets a pace.
func paceCollector() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	p := &collectorPace{percent: usualPercent}
	p.follow()
	p.awaitCollection()
	return p.stop
}

// collectorPace is a pace that follows what is alive.
type collectorPace struct {
	mu      sync.Mutex
	percent int // what was set last
	stopped bool
}

// awaitCollection calls follow after the next collection, and after each one that follows:
// then nothing refers to the pointer that it makes.
func (p *collectorPace) awaitCollection() {
	runtime.AddCleanup(new(*collectorPace), func(p *collectorPace) {
		if p.follow() {
			p.awaitCollection()
		}
	}, p)
}

// follow sets the pace by the heap that the last collection has found alive. It reports whether to go on.
func (p *collectorPace) follow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := collectorPercent(live[0].Value.Uint64())
	if before := p.percent; percent < before-before/5 || percent > before+before/4 { // each setting stops the process for a moment
		p.percent = percent
		debug.SetGCPercent(percent)
	}
	return true
}

func (p *collectorPace) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	debug.SetGCPercent(usualPercent)
}
