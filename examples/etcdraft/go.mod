module github.com/lockstep-dst/lockstep/examples/etcdraft

go 1.26.0

require (
	github.com/lockstep-dst/lockstep v0.0.0
	go.etcd.io/raft/v3 v3.7.0
	google.golang.org/protobuf v1.36.12
)

require github.com/anishathalye/porcupine v1.3.1 // indirect

replace github.com/lockstep-dst/lockstep => ../..
