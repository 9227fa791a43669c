package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/lockstep-dst/lockstep/node/server"
)

// onHangup has nodes read their files of certificates and tokens again at each SIGHUP,
// which ends no node. The function that it returns names the nodes that run; the other one
// ends it.
func onHangup(configs []server.Config) (running func([]*server.Server), stop func()) {
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	running = func(servers []*server.Server) {
		go func() {
			for {
				select {
				case <-hangups:
					reload(servers, configs)
				case <-done:
					return
				}
			}
		}()
	}
	return running, func() { signal.Stop(hangups); close(done) }
}

// reload has nodes read their files again.
func reload(servers []*server.Server, configs []server.Config) {
	for i, s := range servers {
		if configs[i].TLS == nil && configs[i].Access.Tokens == "" {
			configs[i].Log.Info("SIGHUP: there is nothing to read again: the node has no certificates and no tokens", "node", configs[i].Node.ID)
			continue
		}
		_ = s.Reload() // it logs
	}
}
