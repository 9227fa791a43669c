// Package certificate is the meaning of X.509 certificates in a cluster.
//
// A certificate names its owner by one URI among its subject alternative names:
//
//	lockstep://CLUSTER/node/3        member 3
//	lockstep://CLUSTER/client/NAME   a client; its role is an organizational unit
//	lockstep://CLUSTER/authority     an authority that this package has made
//
// A signature of an authority proves the name; package tlsfiles has that checked.
// The functions here decide by the name alone: which member a certificate belongs to,
// and which port its owner may use. They have no state and read no clock.
//
//   - identity.go: names, and the decisions;
//   - role.go: roles of clients;
//   - issue.go: authorities for development, and the certificates that they sign.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package certificate
