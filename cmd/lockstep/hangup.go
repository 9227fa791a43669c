package main

import (
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/lockstep-dst/lockstep/node/server"
)

// onHangup has nodes read their files of certificates and tokens again at each SIGHUP.
// Where no node has any, the signal ends the process, as the system has it. The function
// that it returns names the nodes that run; the other one ends it.
func onHangup(configs []server.Config) (running func([]*server.Server), stop func()) {
	if !slices.ContainsFunc(configs, func(cfg server.Config) bool { return cfg.TLS != nil || cfg.Access.Tokens != "" }) {
		return func([]*server.Server) {}, func() {}
	}
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	running = func(servers []*server.Server) {
		go func() {
			for {
				select {
				case <-hangups:
					for _, s := range servers {
						_ = s.Reload() // it logs
					}
				case <-done:
					return
				}
			}
		}()
	}
	return running, func() { signal.Stop(hangups); close(done) }
}
