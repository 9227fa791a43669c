// Package streamserver is a node's side of one stream: what the bytes of a client
// (package stream) mean for the service (package service), and the service's responses
// for the client. It decides all that is to be decided in between: which requests are
// malformed, what a Cancel abandons, when a watch pulls its next changes, what is left
// out when it is cut off, and which end each exchange gets when the stream ends.
//
// It is pure, so package server and the simulator have the same. They bring it bytes and
// responses, and take bytes and events.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package streamserver
