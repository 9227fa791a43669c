// Package bisect finds the commit with which a failure came into a repository: it builds
// the program of commits between a good and a bad one, and replays the plan of the failure.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package bisect
