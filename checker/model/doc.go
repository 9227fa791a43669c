// Package model describes the sequential behaviour of the objects of a history:
// of registers, locks, queues and others, ready to use, and of any object by a
// Model of one's own.
//
// Package checker judges histories by models. The tables of docs/HISTORY.md
// define the operations of the models that are ready to use.
package model
