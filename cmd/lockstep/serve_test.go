package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/files"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

// A node that ends for a reason that may pass is started again by its unit, another is not.
func TestNodeCode(t *testing.T) {
	missing := &os.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}
	for name, x := range map[string]struct {
		err  error
		want cli.Code
	}{
		"setting":          {fmt.Errorf("%w: id", server.ErrConfig), cli.Usage},
		"file of settings": {fmt.Errorf("%w: tokens: %w", server.ErrConfig, missing), cli.Usage},
		"other members":    {member.ErrMembers, cli.Usage},
		"no such host":     {&net.OpError{Op: "listen", Err: &net.DNSError{IsNotFound: true}}, cli.Stopped},
		"interface":        {&net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)}, cli.Stopped},
		"port":             {&net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}, cli.Stopped},
		"lock":             {files.ErrLocked, cli.Stopped},
		"read-only":        {&os.PathError{Op: "open", Err: syscall.EROFS}, cli.Stopped},
		"permission":       {&os.PathError{Op: "open", Err: syscall.EACCES}, cli.Stopped},
		"disk":             {errors.Join(server.ErrNodeFailed, syscall.EIO), cli.Stopped},
		"damage":           {wal.ErrDamaged, cli.Damaged},
		"amnesia":          {member.ErrAmnesia, cli.Damaged},
		"amnesia, running": {errors.Join(member.ErrAmnesia, server.ErrNodeFailed), cli.Damaged},
		"removed":          {errors.Join(member.ErrRemoved, server.ErrNodeFailed), cli.Removed},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, x.want, nodeCode(x.err)) })
	}
}
