//go:build !(linux || darwin || freebsd)

package flock

import "os"

// Take always succeeds: this system has no lock that ends with its process.
func Take(*os.File) (taken bool, err error) { return true, nil }
