// Package backup writes and checks backups of clusters, and restores new clusters from
// them. docs/BACKUP.md describes the file and argues what a restored cluster promises.
//
//   - format.go: the layout of the file;
//   - content.go: the valid content of a backup, for its writer and its reader;
//   - writer.go, reader.go: the file as a stream: memory does not grow with it;
//   - create.go: a file that is there completely or not at all;
//   - collect.go: the machines of a running cluster;
//   - directories.go: the machines in the directories of stopped nodes;
//   - restore.go: the log of one member of a new cluster.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package backup
