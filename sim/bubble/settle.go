package bubble

import (
	"runtime"
	"strings"
	"testing/synctest"
)

// settle waits until all other goroutines of the bubble are blocked.
//
// testing/synctest does that, except that a goroutine that waits for a sync.Mutex is
// not blocked to it: its holder might be anywhere. If Config.Locks is set, settle
// looks at the states of the goroutines instead. Then stuck tells of goroutines that
// wait for a lock, for as long as which the clock of the bubble cannot advance.
func (b *Bubble) settle() {
	b.waits.Add(1)
	defer b.waits.Add(1)
	b.settled = true
	if !b.config.Locks {
		synctest.Wait()
		return
	}
	for confirmed := 0; confirmed < confirmations; {
		runtime.Gosched()
		states := b.states()
		b.locked = 0
		busy := false
		for _, s := range states {
			switch {
			case waitsForLock(s):
				b.locked++
			case !strings.Contains(s, "(durable)"):
				busy = true
			}
		}
		switch {
		case busy:
			confirmed = 0
		case b.locked == 0:
			synctest.Wait() // returns at once, and tells the race detector
			return
		default:
			confirmed++
		}
	}
}

// confirmations is how often in a row goroutines must be seen to wait for locks and
// for nothing else. Their holders are blocked as well, unless they are outside of the
// bubble.
const confirmations = 3

// waitsForLock reports whether a goroutine in a state waits for a lock.
func waitsForLock(state string) bool {
	return strings.HasPrefix(state, "sync.Mutex.Lock") || strings.HasPrefix(state, "sync.RWMutex.")
}

// states returns the states of the other goroutines of the bubble, as in "select
// (durable), synctest bubble 7".
func (b *Bubble) states() (states []string) {
	heads := strings.Split(string(b.stacks()), "\n\ngoroutine ")
	for _, head := range heads[1:] { // the first is of the caller
		line, _, _ := strings.Cut(head, "\n")
		if _, state, found := strings.Cut(line, "["); found && strings.Contains(state, b.runtimeName) {
			states = append(states, state)
		}
	}
	return states
}

// stacks returns the stacks of all goroutines of the program. It uses the memory of
// the last call again.
func (b *Bubble) stacks() []byte {
	for {
		if n := runtime.Stack(b.buf, true); n < len(b.buf) {
			return b.buf[:n]
		}
		b.buf = make([]byte, 2*len(b.buf)+1<<16)
	}
}

// runtimeName returns the name of the bubble of the caller in stacks, as in "synctest
// bubble 7]".
func runtimeName() string {
	head := make([]byte, 256)
	head = head[:runtime.Stack(head, false)]
	line, _, _ := strings.Cut(string(head), "\n")
	return line[strings.Index(line, "synctest bubble") : len(line)-1]
}
