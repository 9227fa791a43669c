package wal

import "fmt"

// Form is the choice of the form of a log's entries: whole ones (version 4), each of which
// stands for itself, or incremental ones (version 5), which may build on earlier ones. Programs
// that know version 4 alone cannot read a log of incremental entries, so one that has them
// keeps them.
type Form uint8

// The choices.
const (
	FormAuto        Form = iota // incremental for a log that is created, else as it is found
	FormWhole                   // whole for a log that is created, else as it is found
	FormIncremental             // incremental from this life's first segment on
)

var formNames = [...]string{"auto", "whole", "incremental"}

func (f Form) String() string { return formNames[f] }

// ParseForm is the Form of a name.
func ParseForm(name string) (Form, error) {
	for f, n := range formNames {
		if n == name {
			return Form(f), nil
		}
	}
	return 0, fmt.Errorf("%q: want auto, whole or incremental", name)
}

// Known reports whether f is one of the choices.
func (f Form) Known() bool { return int(f) < len(formNames) }

// version returns the version in which a log goes on whose last segment is of version found; 0: it
// is created.
func (f Form) version(found uint16) uint16 {
	if found == incrementalVersion || f == FormIncremental || found == 0 && f == FormAuto {
		return incrementalVersion
	}
	return wholeVersion
}
