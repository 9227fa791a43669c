package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// portAllocator gives ports out. They lie below those that systems give to connections, and
// a port is given to one test of this process only, in use or not.
var portAllocator = struct {
	sync.Mutex
	next int
}{next: 10_000 + rand.IntN(3_000)}

// allocatePorts returns the first of n ports in a row on which nobody listens.
func allocatePorts(n int) (first int, err error) {
	portAllocator.Lock()
	defer portAllocator.Unlock()
	for range 1000 {
		first = portAllocator.next
		portAllocator.next += n
		if portsFree(first, n) {
			return first, nil
		}
	}
	return 0, fmt.Errorf("no %d free ports in a row", n)
}

func portsFree(first, n int) bool {
	for i := range n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+i))
		if err != nil {
			return false
		}
		defer l.Close()
	}
	return true
}
