package shrink

import (
	"reflect"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// simplifyLeaves simplifies the values that are not lists, one after another. With
// few exceptions the meaning of a value does not matter: an invalid plan is no
// candidate.
func (s *search) simplifyLeaves() {
	for _, at := range paths(s.plan, func(v reflect.Value) bool { return v.Kind() != reflect.Slice }) {
		if !at.exists(s.plan) || s.keeps(at) {
			continue
		}
		simpler := simplerThan(at.value(s.plan), topField(at) == "Knobs" || topField(at) == "Settings")
		if topField(at) == "Heal" {
			simpler = slices.DeleteFunc(simpler, func(v reflect.Value) bool { return v.Int() < int64(minFaultPhase) })
		}
		s.tryFirst(len(simpler), func(i int) *scenarios.Plan {
			return edit(s.plan, at, func(v reflect.Value) { v.Set(simpler[i]) })
		})
	}
}

// minFaultPhase is the shortest fault phase, so that its events do not mix with
// those of the heal phase.
const minFaultPhase = 100 * netmodel.Millisecond

// keeps reports whether a place keeps its value. The times of the heal phase define
// when a client counts as stuck: with less time every plan would fail.
// simplifyNetwork takes care of a network without chance.
func (s *search) keeps(at path) bool {
	switch topField(at) {
	case "Format", "Version", "System", "Workload", "Seed", "Nodes", "Clients", "Definitions":
		return true
	case "Heal":
		return len(at) > 1 && reflect.TypeFor[scenarios.Heal]().Field(at[1]).Name != "At"
	case "Network":
		return !isRandom(s.plan.Network)
	}
	return false
}

// simplerThan lists values to try in place of v, the simplest first. Timeouts
// become rounder, but not shorter: one that is too short is a failure of its own.
func simplerThan(v reflect.Value, timeout bool) []reflect.Value {
	switch x := v.Interface().(type) {
	case netmodel.Duration:
		return values(durations(x, timeout))
	case netmodel.PPM:
		return values(rates(x))
	case netmodel.Delay:
		return values(delays(x))
	case netmodel.Profile:
		return values(profiles(x))
	case netmodel.ID:
		return nil // a name
	}
	var list []reflect.Value
	if opaque(v.Type()) {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Bool, reflect.String:
		if !v.IsZero() {
			list = append(list, reflect.Zero(v.Type()))
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		for _, n := range numbers(v.Int()) {
			list = append(list, reflect.ValueOf(n).Convert(v.Type()))
		}
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		for _, n := range numbers(v.Uint()) {
			list = append(list, reflect.ValueOf(n).Convert(v.Type()))
		}
	}
	return list
}

func values[T any](list []T) []reflect.Value {
	out := make([]reflect.Value, len(list))
	for i, x := range list {
		out[i] = reflect.ValueOf(x)
	}
	return out
}

// durations lists durations that are rounder than d, or as round and shorter. For a
// timeout none is shorter, except 0.
func durations(d netmodel.Duration, timeout bool) []netmodel.Duration {
	list := []netmodel.Duration{0}
	if timeout {
		list = append(list, roundUp(d, 1), roundUp(d, 2))
	} else {
		list = append(list, netmodel.Millisecond, 10*netmodel.Millisecond, 100*netmodel.Millisecond,
			roundDown(d, 1), roundUp(d, 1), roundDown(d/2, 2), roundDown(d, 2), roundUp(d, 2), roundDown(d, 3), roundUp(d, 3))
	}
	return filter(list, func(c netmodel.Duration) bool {
		return significantDigits(c) < significantDigits(d) && (c <= roundUp(d, 1)) || significantDigits(c) == significantDigits(d) && c < d && !timeout || c == 0 && d != 0
	})
}

// rates lists simpler rates than p: never, always, a rounder or a smaller one.
func rates(p netmodel.PPM) []netmodel.PPM {
	if p == 0 {
		return nil
	}
	if p == netmodel.Always {
		return []netmodel.PPM{0}
	}
	return filter([]netmodel.PPM{0, netmodel.Always, roundDown(p, 1), roundDown(p, 2)}, func(c netmodel.PPM) bool { return c != p })
}

// delays lists constant delays of typical lengths of d.
func delays(d netmodel.Delay) []netmodel.Delay {
	if d.Kind == netmodel.Constant {
		return nil
	}
	var list []netmodel.Delay
	for _, c := range []netmodel.Duration{d.Min, d.Min + d.Mean, (d.Min + d.Max) / 2, d.Max} {
		list = append(list, netmodel.Delay{Kind: netmodel.Constant, Min: c})
	}
	return list
}

// profiles lists the profiles without faults.
func profiles(p netmodel.Profile) []netmodel.Profile {
	if !isRandom(p) {
		return nil
	}
	list := []netmodel.Profile{{Delay: p.Delay}}
	for _, d := range delays(p.Delay) {
		list = append(list, netmodel.Profile{Delay: d})
	}
	return list
}

// numbers lists numbers nearer to 0 than n: all of them if they are few.
func numbers[T int64 | uint64](n T) []T {
	var list []T
	for _, c := range []T{0, 1, 2, 3, 4, 5, n / 2, n - n%1000} {
		if (c >= 0) == (n >= 0) && (n > 0 && c < n || n < 0 && c > n) {
			list = append(list, c)
		}
	}
	return list
}

// significantDigits counts the digits of n up to the last nonzero one: 1 for 300, 2
// for 310.
func significantDigits[T netmodel.Duration | netmodel.PPM](n T) int {
	for n != 0 && n%10 == 0 {
		n /= 10
	}
	count := 0
	for ; n != 0; n /= 10 {
		count++
	}
	return count
}

// roundDown keeps only the first digits of n; up returns the next number with as
// few.
func roundDown[T netmodel.Duration | netmodel.PPM](n T, digits int) T { return n - n%unit(n, digits) }

func roundUp[T netmodel.Duration | netmodel.PPM](n T, digits int) T {
	u := unit(n, digits)
	return (n + u - 1) / u * u
}

// unit is the value of a 1 in the last of n's first digits.
func unit[T netmodel.Duration | netmodel.PPM](n T, digits int) T {
	u := T(1)
	for range digits {
		n /= 10
	}
	for ; n > 0; n /= 10 {
		u *= 10
	}
	return u
}

func filter[T comparable](list []T, want func(T) bool) []T {
	var out []T
	for _, x := range list {
		if want(x) {
			out = append(out, x)
		}
	}
	return out
}
