// Package httpapi is the HTTP form of requests for transitions and of a node's
// replies, as pairs of pure functions of which one is the inverse of the other.
// TransitionOf makes the body of a request, Transition.Request the node's request.
// Encode makes the response of a server, Decode the reply that a client takes from
// it. Simulated clients pass requests and replies through both.
package httpapi
