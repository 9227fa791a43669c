// Package report explains a failure: what its run did, as one document. A page, a
// diagram and other forms are made of it.
//
//	doc, err := report.Make(ctx, sys, report.Source{Shrunk: plan}, report.Options{})
//	err = report.WriteHTML(file, doc)
//
// A document is data only: the names in it are those that a system chose, and may hold
// anything. docs/REPORT.md describes each field.
package report
