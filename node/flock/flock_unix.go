//go:build linux || darwin || freebsd

package flock

import (
	"errors"
	"os"
	"syscall"
)

// Take locks a file for as long as it is open; taken is false if another handle has
// locked it.
func Take(f *os.File) (taken bool, err error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		default:
			return err == nil, err
		}
	}
}
