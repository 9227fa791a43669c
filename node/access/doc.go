// Package access decides the rights of clients. A client is a Principal, as a
// certificate, a token or nothing at all shows it; a principal has one Role; and each
// request is an Action that asks for a role. The package knows nothing of sockets and
// files: the server brings it certificates, headers and the text of a file of tokens.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package access
