package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// etcd is a cluster of three etcd servers, with default settings: each write is
// synced by a majority before it is answered, as lockstep's are.
type etcd struct {
	processes
	binary    string
	endpoints []string
}

func (s *etcd) name() string { return "etcd" }

func (s *etcd) start(ctx context.Context, dir string) error {
	ports, err := freePorts(6)
	if err != nil {
		return err
	}
	url := func(i int) string { return fmt.Sprintf("http://127.0.0.1:%d", ports[i]) }
	var members []string
	for i := range 3 {
		members = append(members, fmt.Sprintf("n%d=%s", i+1, url(i)))
		s.endpoints = append(s.endpoints, fmt.Sprintf("127.0.0.1:%d", ports[3+i]))
	}
	for i := range 3 {
		data := filepath.Join(dir, fmt.Sprintf("etcd-%d", i+1))
		p, err := start(data+".log", s.binary, "--name", fmt.Sprintf("n%d", i+1), "--data-dir", data, "--logger", "zap", "--log-level", "warn",
			"--listen-peer-urls", url(i), "--initial-advertise-peer-urls", url(i), "--listen-client-urls", url(3+i), "--advertise-client-urls", url(3+i),
			"--initial-cluster", strings.Join(members, ","), "--initial-cluster-state", "new", "--initial-cluster-token", filepath.Base(dir))
		if err != nil {
			return err
		}
		s.processes = append(s.processes, p)
	}
	c, err := newEtcdClient(s.endpoints)
	if err != nil {
		return err
	}
	defer c.Close()
	return s.awaitReady(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := c.Get(ctx, "ready")
		return err
	})
}

// newEtcdClient returns the official client, which sends requests without waiting
// for the responses to earlier ones.
func newEtcdClient(endpoints []string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
}

func (s *etcd) load(ctx context.Context, l load) (measurement, time.Duration, error) {
	program, err := os.Executable()
	if err != nil {
		return measurement{}, 0, err
	}
	var m measurement
	used, err := runJSON(ctx, &m, program, etcdLoadCommand,
		"-endpoints", strings.Join(s.endpoints, ","), "-workload", l.workload, "-clients", fmt.Sprint(l.clients), "-connections", fmt.Sprint(l.options.connections),
		"-warmup", l.options.warmup.String(), "-for", l.options.measure.String(), "-prefix", fmt.Sprintf("lifecycle/load-%d-%s-%d", l.round, l.workload, l.clients))
	return m, used, err
}
