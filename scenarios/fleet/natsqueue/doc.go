// Package natsqueue is the queue of a fleet between machines, on NATS JetStream.
//
// A stream has the jobs, each with a subject of its own, so that none is in it twice; a
// consumer per campaign and kind leases them. Campaigns, results and workers are in
// key-value buckets: the first result of a job is kept.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package natsqueue
