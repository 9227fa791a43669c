// Package report explains a failure: all that its run did, as one document. A page, a
// diagram and other forms are made of it.
//
//	doc, err := report.Make(ctx, sys, report.Source{Shrunk: plan}, report.Options{})
//	err = report.WriteHTML(file, doc)
//
// A document is data only: its names are the choice of a system, and may hold
// anything. docs/REPORT.md describes each field.
package report
