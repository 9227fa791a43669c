package scenarios

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSystem is wrapped by every error about a System.
var ErrSystem = errors.New("invalid system")

// Validate names the first field that cannot be used. Its error wraps ErrSystem.
func (s *System) Validate() error {
	if err := s.validate(); err != nil {
		if s.Name == "" {
			return fmt.Errorf("%w: %w", ErrSystem, err)
		}
		return fmt.Errorf("%w %s: %w", ErrSystem, s.Name, err)
	}
	return nil
}

func (s *System) validate() error {
	switch {
	case s.Name == "":
		return errors.New("name: want one, which plans and commands give")
	case strings.IndexFunc(s.Name, notInName) >= 0:
		return fmt.Errorf("name: %q: want letters, digits and - . _ only", s.Name)
	case strings.Contains(s.About, "\n"):
		return errors.New("about: want one line")
	case s.New == nil:
		return errors.New("new: want a function that makes the Run of a plan")
	}
	names := make([]string, len(s.Definitions))
	for i := range s.Definitions {
		if err := s.Definitions[i].Validate(); err != nil {
			return fmt.Errorf("definitions[%d]: %w", i, err)
		}
		names[i] = s.Definitions[i].Name
	}
	if err := distinctWords("definitions", names); err != nil {
		return err
	}
	if s.Workload != nil && len(names) > 0 {
		return errors.New("definitions: a system has a Workload or machines of definitions: want one of them")
	}
	knobs := make([]string, len(s.Knobs))
	for i := range s.Knobs {
		if err := s.Knobs[i].Validate(); err != nil {
			return fmt.Errorf("knobs[%d]: %w", i, err)
		}
		knobs[i] = s.Knobs[i].Name
	}
	if err := distinctWords("knobs", knobs); err != nil {
		return err
	}
	if err := distinctWords("marks", s.Marks); err != nil {
		return err
	}
	return distinctWords("requests", s.Requests)
}

// notInName reports whether r may not be in the name of a system.
func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
}

// distinctWords names the first element of a field's list that is no word, or that
// comes again.
func distinctWords(field string, list []string) error {
	places := make(map[string]int, len(list))
	for i, word := range list {
		if word == "" || strings.ContainsAny(word, " \t\n") {
			return fmt.Errorf("%s[%d]: %q: want a word without spaces", field, i, word)
		}
		if first, ok := places[word]; ok {
			return fmt.Errorf("%s[%d]: %q is %s[%d] already: want each once", field, i, word, field, first)
		}
		places[word] = i
	}
	return nil
}
