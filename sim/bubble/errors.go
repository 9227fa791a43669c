package bubble

import (
	"errors"
	"os"
	"syscall"
)

// ErrCrashed is wrapped by every error of the connections, listeners and files of a
// host after its crash.
var ErrCrashed = errors.New("the host has crashed")

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("invalid bubble")

// ErrUnfinished is wrapped by the error of a run in which a client's function had
// not returned by Config.Until.
var ErrUnfinished = errors.New("not finished in time")

// ErrMisuse is wrapped by the error of a run whose code left goroutines behind.
var ErrMisuse = errors.New("goroutines outlive their host")

// ErrDiffers is wrapped by the error of two runs of one seed that differ.
var ErrDiffers = errors.New("two runs of one seed differ")

// Errors of calls that the simulated host does not offer.
var (
	errNotLocal  = errors.New("not an address of this host: want :80, or the name of the host")
	errName      = errors.New("want a relative path with slashes, as data/wal")
	errSyncFlag  = errors.New("O_SYNC is not simulated: call Sync after each write")
	errLost      = errors.New("removed or replaced while it was open, which the simulated disk does not allow")
	errDirectory = errors.New("is a directory")
)

// Errors of streams, spelt as the operating system does.
var (
	errReset   = os.NewSyscallError("read", syscall.ECONNRESET)
	errRefused = os.NewSyscallError("connect", syscall.ECONNREFUSED)
	errTimeout = os.NewSyscallError("connect", syscall.ETIMEDOUT)
	errInUse   = os.NewSyscallError("bind", syscall.EADDRINUSE)
	errPipe    = os.NewSyscallError("write", syscall.EPIPE)
)
