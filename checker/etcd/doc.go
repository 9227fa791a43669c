// Package etcd reads the reports of etcd's robustness tests, the files
// operations.json of their clients, as histories of package checker, and has the
// model that judges them: one store with keys, leases and one revision.
//
// A report is JSON Lines of operations of Porcupine
// (go.etcd.io/etcd/tests/robustness/report). A request that ended in an error
// is of unknown outcome. Responses are judged as the tests judge them: revision,
// results of each operation of a transaction, and keys with value and revision.
// A contradiction takes the revisions that other transactions made as given.
// Reads of an older revision claim the current revision only. Compaction and
// defragmentation claim nothing, as they change no response of the others.
package etcd
