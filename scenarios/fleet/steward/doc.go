// Package steward looks after a fleet: it gives the queue the jobs that it has lost, keeps
// the results of campaigns in a folder, with a record for the page of campaigns, and sends
// a canary every hour.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package steward
