package bubble

import (
	"bytes"
	"cmp"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// labelKey is the key of the profiler label that all goroutines of a host carry: a
// goroutine inherits the labels of the one that starts it.
const labelKey = "lockstep-bubble"

// label returns the label of the goroutines of h, which no other life has.
func (h *Host) label() string { return fmt.Sprintf("%d/%s/%d", h.bubble.number, h.Name(), h.life) }

// running returns the stacks of the goroutines of hosts, by the label of the host.
func (b *Bubble) running(hosts []*Host) map[string][]string {
	found := map[string][]string{}
	if len(hosts) == 0 { // the usual case: a profile stops the program
		return found
	}
	stacks := labelledStacks()
	for _, h := range hosts {
		for _, stack := range stacks {
			if strings.Contains(stack, fmt.Sprintf("%q:%q", labelKey, h.label())) {
				found[h.label()] = append(found[h.label()], stack)
			}
		}
	}
	return found
}

// labelledStacks returns the stacks of the goroutines of all bubbles.
func labelledStacks() []string {
	var profile bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1) // a Buffer takes all
	stacks := strings.Split(profile.String(), "\n\n")
	return slices.DeleteFunc(stacks, func(stack string) bool { return !strings.Contains(stack, labelKey) })
}

// watch panics if the goroutines of a bubble do not block in time: they compute
// without end, wait for the network of the machine, or for a lock that is never
// released. It runs outside of the bubble, on the clock of the machine.
func watch(begun <-chan *Bubble, stop <-chan struct{}, patience time.Duration) {
	var b *Bubble
	select {
	case b = <-begun:
	case <-stop:
		return
	}
	patience = cmp.Or(patience, time.Minute)
	ticker := time.NewTicker(patience)
	defer ticker.Stop()
	for last := uint64(0); ; {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		waits := b.waits.Load()
		if waits%2 == 1 && waits == last {
			panic(impatience(patience))
		}
		last = waits
	}
}

// impatience says why the goroutines of a bubble do not block.
func impatience(patience time.Duration) string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	remedy := "want goroutines that end, or wait for something of the bubble: its network, disk, clock, channels"
	if bytes.Contains(stacks, []byte("[sync.Mutex.Lock, synctest")) || bytes.Contains(stacks, []byte("[sync.RWMutex.")) {
		remedy = "a goroutine waits for a lock, of which the holder waits for the world: set Config.Locks"
	}
	return fmt.Sprintf("bubble: after %v of real time goroutines of a host have not come to rest: %s\n\n%s", patience, remedy, stacks)
}

// report notes as misuse that goroutines of hosts still run.
func (b *Bubble) report(hosts []*Host) {
	found := b.running(hosts)
	for _, h := range hosts {
		if stacks := found[h.label()]; len(stacks) > 0 {
			b.failures.add(fmt.Errorf("%w: %s, life %d, was cut off at %v: after %v these still run; "+
				"have them end when the context of Main does, or when a call fails:\n%s",
				ErrMisuse, h.Name(), h.life, h.ended, b.config.grace(), strings.Join(stacks, "\n\n")))
		}
	}
}
