// Package history holds the history of a run: the operations of clients with
// their times and responses, and the text format in which they are kept.
//
// Write and Read convert a whole history, a Reader reads it operation by
// operation. docs/HISTORY.md defines the format, and the claims of an operation.
// Package checker judges histories.
package history
