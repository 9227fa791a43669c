// Package settings gives the flags of a command values from other sources: a flag on the
// command line counts more than a variable of the environment, that more than a YAML
// file, and that more than the flag's default. It knows no flag by name, so a new flag
// is a setting without a line here.
package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Prefix begins the names of all variables of the environment that are settings.
const Prefix = "LOCKSTEP_"

// ConfigFlag is the name of the flag that names the file. It is no setting of a file.
const ConfigFlag = "config"

// Variable returns the name of the environment variable of a flag, as in
// LOCKSTEP_CONSENSUS_TIMEOUT of consensus-timeout.
func Variable(flag string) string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Source is the kind of place that a value comes from. A greater one takes precedence.
type Source uint8

// The sources.
const (
	Default Source = iota
	File
	Environment
	CommandLine
)

func (s Source) String() string {
	return [...]string{"default", "file", "environment", "flag"}[s]
}

// Setting is a flag with the value that counts.
type Setting struct {
	Name   string
	Type   string // of the flag, as pflag names it
	Value  string // as text for the flag; hidden if the setting is secret
	Source Source
	Place  string // of a file: its name and line; of the environment: the variable
}

// String names the setting, its value and its source for people.
func (s Setting) String() string {
	switch s.Source {
	case File:
		return fmt.Sprintf("%s: %s: %s", s.Place, s.Name, s.Value)
	case Environment:
		return fmt.Sprintf("%s: %s, from the environment", s.Place, s.Value)
	}
	return fmt.Sprintf("--%s %s", s.Name, s.Value)
}

// Set is the settings of one command.
type Set struct {
	flags   *pflag.FlagSet
	names   []string // of all settings, in order
	sources map[string]Setting
}

// Names returns the names of the flags that are settings: all but hidden ones, help and
// ConfigFlag.
func Names(flags *pflag.FlagSet) (names []string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" && f.Name != ConfigFlag {
			names = append(names, f.Name)
		}
	})
	return names
}

// New returns the settings with these names, of flags that are parsed.
func New(flags *pflag.FlagSet, names []string) *Set {
	s := &Set{flags: flags, names: slices.Sorted(slices.Values(names)), sources: map[string]Setting{}}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			s.sources[f.Name] = Setting{Source: CommandLine}
		}
	})
	return s
}

// Load gives the flags that are not on the command line their values: from environ, as
// os.Environ returns it, without empty variables, and from a file; nil: there is none. Its errors name the setting
// and its source.
func (s *Set) Load(environ []string, f *Content) error {
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if text == "" {
			continue // as if it were not there
		}
		if i := slices.IndexFunc(s.names, func(flag string) bool { return Variable(flag) == name }); i >= 0 {
			if err := s.set(s.names[i], text, Setting{Source: Environment, Place: name}); err != nil {
				return err
			}
		}
	}
	if f == nil {
		return nil
	}
	seen := map[string]string{} // the place of a flag in the file
	for _, e := range f.entries {
		flag := s.flags.Lookup(e.key)
		if flag == nil || !slices.Contains(s.names, flag.Name) {
			return fmt.Errorf("%s: %s: no such setting%s", e.place, e.key, s.similar(e.key))
		}
		if first, twice := seen[flag.Name]; twice {
			return fmt.Errorf("%s: %s: it is in %s already", e.place, e.key, first)
		}
		seen[flag.Name] = e.place
		if err := s.set(flag.Name, e.text, Setting{Source: File, Place: e.place}); err != nil {
			return err
		}
	}
	return nil
}

// set sets a flag, unless a source of more weight has. A value that would not count must
// be valid, too.
func (s *Set) set(name, text string, from Setting) error {
	f := s.flags.Lookup(name)
	restore, changed := saved(f), f.Changed
	err := s.flags.Set(name, text)
	if err == nil && changed && s.sources[name].Source > from.Source {
		return restore()
	}
	if err == nil {
		s.sources[name] = from
		return nil
	}
	from.Name, from.Value = name, shown(f, strconv.Quote(text))
	if isSecret(name) {
		return fmt.Errorf("%v: it is not of type %s", from, f.Value.Type())
	}
	return fmt.Errorf("%v: %w", from, cause(err))
}

// cause returns why a flag refuses a value, without the name of the flag.
func cause(err error) error {
	if invalid := (*pflag.InvalidValueError)(nil); errors.As(err, &invalid) {
		return invalid.Unwrap()
	}
	return err
}

// Get returns one setting.
func (s *Set) Get(name string) Setting {
	f, from := s.flags.Lookup(name), s.sources[name]
	return Setting{Name: name, Type: f.Value.Type(), Value: shown(f, valueText(f)), Source: from.Source, Place: from.Place}
}

// List returns all settings, ordered by name.
func (s *Set) List() []Setting {
	var all []Setting
	for _, name := range s.names {
		all = append(all, s.Get(name))
	}
	return all
}

// Blame returns the settings that are to blame for an error of validate: without any one
// of them there is no error. If there are none, for several things may be wrong, it
// returns the ones without which there is another error. validate depends on the flags
// alone. A setting that is in instead has that value in place of its default meanwhile.
func (s *Set) Blame(err error, instead map[string]string, validate func() error) []Setting {
	var guilty, accomplices []Setting
	for _, name := range s.names {
		f, setting := s.flags.Lookup(name), s.Get(name)
		if setting.Source == Default {
			continue
		}
		restore := saved(f)
		if value, ok := instead[name]; setDefault(f) != nil || ok && f.Value.Set(value) != nil {
			continue // its default is not valid as text
		}
		switch now := validate(); {
		case now == nil:
			guilty = append(guilty, setting)
		case now.Error() != err.Error():
			accomplices = append(accomplices, setting)
		}
		_ = restore() // it has had this value
	}
	if len(guilty) == 0 {
		return accomplices
	}
	return guilty
}

// saved returns a function that gives a flag its present value again.
func saved(f *pflag.Flag) (restore func() error) {
	if list, ok := f.Value.(pflag.SliceValue); ok { // its Set would append
		values := list.GetSlice()
		return func() error { return list.Replace(values) }
	}
	value := f.Value.String()
	return func() error { return f.Value.Set(value) }
}

// setDefault gives a flag its default. Lists have none but the empty one.
func setDefault(f *pflag.Flag) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.Replace(nil)
	}
	return f.Value.Set(f.DefValue)
}

// valueText returns the value of a flag as text that it takes.
func valueText(f *pflag.Flag) string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return strings.Join(list.GetSlice(), ",")
	}
	return f.Value.String()
}

// Unknown lists the variables of an environment that begin with Prefix and belong to no
// setting, each with a similar one if there is one. A variable of another program is no
// error.
func (s *Set) Unknown(environ []string) (all []string) {
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, Prefix) || name == Variable(ConfigFlag) {
			continue
		}
		if !slices.ContainsFunc(s.names, func(flag string) bool { return Variable(flag) == name }) {
			key := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, Prefix), "_", "-"))
			all = append(all, name+s.similar(key))
		}
	}
	slices.Sort(all)
	return all
}
