//go:build !(linux || darwin || freebsd)

package files

import "os"

// syncDir does nothing: directories cannot be synced here.
func syncDir(*os.File) error { return nil }
