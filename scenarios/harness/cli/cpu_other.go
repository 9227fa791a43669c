//go:build !unix

package cli

import "time"

// CPUTime is always 0: the time is not known on this platform.
func CPUTime() time.Duration { return 0 }
