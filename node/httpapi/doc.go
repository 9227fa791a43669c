// Package httpapi has the JSON that clients and servers exchange over HTTP, except for
// definitions (package fsm) and events (package watch). docs/openapi.yaml describes it.
//
// Requests for transitions and a node's replies have conversions, as pairs of pure
// functions of which one is the inverse of the other. TransitionOf makes the body of a
// request, Transition.Request the node's request. Encode makes the response of a server,
// Decode the reply that a client takes from it. Simulated clients pass requests and
// replies through both.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package httpapi
