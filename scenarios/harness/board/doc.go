// Package board is the page of campaigns: the folder of failures and its records of
// campaigns have, and the figures of campaigns in progress, as JSON and as a page. A
// Server shows it to this host only.
//
// A Record is one campaign that has ended, a line of a file beside the failures. Compare
// says how each failure stands against the campaigns before. All names are data, and may
// hold anything.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package board
