// Package tlsfiles keeps TLS configurations of certificates, keys and authorities in
// files, and reads them again when they change. Connections that are open stay open;
// each new one has the files of its time. A file that makes no sense is logged and
// counted, and the earlier ones stay in use.
//
//   - files.go: Files, and when they are read;
//   - material.go: the contents of the files, and the checks before they are used;
//   - config.go: the configurations of the four ends: between nodes, and of clients.
//
// All speak TLS 1.3 only, without session tickets: each connection is checked by the
// authorities of its time. Package certificate decides which owner of a certificate may
// use which port.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package tlsfiles
