//go:build !unix

package harness

import "time"

// cpuTime is always 0: the time is not known on this platform.
func cpuTime() time.Duration { return 0 }
