package httpapi

import "github.com/lockstep-dst/lockstep/node/op"

// MaxBackupKeys is the most machines of a BackupQuery.
const MaxBackupKeys = 256

// BackupQuery is a request for the whole values of machines, each read from a majority.
type BackupQuery struct {
	Keys []string `json:"keys"`
}

// BackupValues is the response to a BackupQuery. Machines without an entry are left out.
type BackupValues struct {
	Machines    []BackupValue `json:"machines"`
	FirstSerial uint64        `json:"first_serial"` // from which the cluster counts serials
	Node        op.NodeID     `json:"node"`         // the responding node
}

// BackupValue is a machine with its value, in the encoding of docs/BACKUP.md.
type BackupValue struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}
