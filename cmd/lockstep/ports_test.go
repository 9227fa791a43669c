package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// portAllocator allocates ports below the range from which systems assign ports to
// connections. Each port is allocated to one test of this process only, in use or
// not.
var portAllocator = struct {
	sync.Mutex
	next int
}{next: 10_000 + rand.IntN(3_000)}

// allocatePorts returns the first of n consecutive ports without a listener.
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
