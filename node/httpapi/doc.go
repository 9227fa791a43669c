// Package httpapi is the HTTP form of a node's replies: two pure functions, one the
// inverse of the other. Encode makes the response of a server, Decode the reply that
// a client takes from it. The simulated client passes replies through both.
package httpapi
