package scenarios_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// validPlan is a small plan with a part of every kind. The tables below break it in
// one place.
const validPlan = `{
  "format": "lockstep-plan",
  "version": 3,
  "system": "origin",
  "seed": 7,
  "nodes": 3,
  "clients": 2,
  "definitions": [
    {"name": "door", "states": ["Open", "Shut"], "initial": "Shut", "transitions": [{"from": "Shut", "to": "Open"}]}
  ],
  "knobs": {"consensus_timeout": "20ms", "max_resends": 2, "resend_timeout": "5ms", "client_timeout": "50ms"},
  "network": {"drop_ppm": 1000, "delay": {"kind": "constant", "min": "1ms"}},
  "disk": {"write": {"kind": "constant", "min": "20µs"}, "sync": {"kind": "constant", "min": "1ms"}},
  "clocks": [{"drift_ppm": 100}],
  "operations": [
    {"id": "c1.1", "client": 1, "at": "0s", "node": 1, "key": "door/a", "kind": "propose", "argument": "Open"},
    {"id": "c2.1", "client": 2, "at": "3ms", "node": 2, "key": "door/a", "kind": "read"}
  ],
  "faults": [
    {"at": "1ms", "for": "9ms", "kind": "partition", "groups": [[1], [2, 3, 101]]},
    {"at": "2ms", "for": "9ms", "kind": "one_way", "sources": [1], "targets": [2]},
    {"at": "2.5ms", "for": "9ms", "kind": "cut", "links": ["1>2"]},
    {"at": "4ms", "for": "9ms", "kind": "profile_override", "profile": {"delay": {"kind": "uniform", "min": "1ms", "max": "4ms"}}},
    {"at": "5ms", "for": "9ms", "kind": "power_loss", "nodes": [3]},
    {"at": "6ms", "for": "9ms", "kind": "process_crash", "nodes": [2]},
    {"at": "7ms", "for": "8ms", "kind": "disk", "what": "rot", "nodes": [1]}
  ],
  "overrides": [{"message": "1>2 proposal door/a c1.1 #1", "override": {"fate": "drop"}}],
  "heal": {"at": "20ms", "delay": "1ms", "within": "30s", "settle": "10s"}
}
`

func TestASoundPlanDecodes(t *testing.T) {
	p, err := scenarios.Decode([]byte(validPlan))
	require.NoError(t, err)
	require.Len(t, p.Operations, 2)
	require.Len(t, p.Faults, 7)
	require.Equal(t, disk.BitRot, p.Faults[6].What)
	require.Equal(t, 3*netmodel.Millisecond, p.Operations[1].At)
}

// The error of a broken plan names the path of the place and the expected form.
func TestBrokenPlansAreRefusedByPath(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown field", `"nodes": 3,`, `"nodes": 3, "color": 1,`,
			"color: unknown field; known are format, version,"},
		{"unknown field, deep", `"groups": [[1]`, `"group": [[1]`,
			"faults[0].group: unknown field; known are at, for, kind, groups,"},
		{"unknown field, deeper", `{"from": "Shut", "to": "Open"}`, `{"from": "Shut", "till": "Open"}`,
			"definitions[0].transitions[0].till: unknown field; known are from, to"},
		{"other case", `"id": "c2.1"`, `"ID": "c2.1"`,
			"operations[1].ID: unknown field; known are id, client,"},
		{"other case of the format", `"format"`, `"Format"`,
			"Format: unknown field"},
		{"field twice", `"id": "c2.1",`, `"id": "c2.1", "id": "c2.2",`,
			"operations[1].id: given twice"},
		{"text for a number", `"nodes": 3`, `"nodes": "3"`,
			`nodes: "3": want a whole number`},
		{"number for a text", `"id": "c2.1"`, `"id": 2`,
			"operations[1].id: 2: want a string"},
		{"number for a duration", `"at": "3ms"`, `"at": 3`,
			"operations[1].at: 3: want a string"},
		{"fraction", `"clients": 2`, `"clients": 2.5`,
			"clients: 2.5: want a whole number"},
		{"negative seed", `"seed": 7`, `"seed": -7`,
			"seed: -7: want a whole number from 0 to 18446744073709551615"},
		{"list for an object", `{"at": "20ms", "delay": "1ms", "within": "30s", "settle": "10s"}`, `["20ms"]`,
			"heal: want an object {...}"},
		{"object for a list", `"clocks": [{"drift_ppm": 100}]`, `"clocks": {"drift_ppm": 100}`,
			"clocks: want a list [...]"},
		{"null for an object", `{"drift_ppm": 100}`, `null`,
			"clocks[0]: null: give a value or leave the field out"},
		{"null for a list", `"links": ["1>2"]`, `"links": null`,
			"faults[2].links: null: give a value"},
		{"null for a number", `"nodes": 3`, `"nodes": null`,
			"nodes: null: give a value"},
		{"null for a profile", `{"delay": {"kind": "uniform", "min": "1ms", "max": "4ms"}}`, `null`,
			"faults[3].profile: null: give a value"},
		{"bad duration", `"at": "3ms"`, `"at": "3 ms"`,
			`operations[1].at: duration "3 ms": want a number with a unit, as in "1.5ms"`},
		{"duration without a unit", `"at": "3ms"`, `"at": "3"`,
			`operations[1].at: duration "3": want a number with a unit`},
		{"negative duration", `"at": "3ms"`, `"at": "-3ms"`,
			"operations[1].at: -3ms: want 0 to the start of the heal phase, 20ms"},
		{"bad link", `"1>2"`, `"1-2"`,
			`faults[2].links[0]: link "1-2": want two processes`},
		{"bad message", `c1.1 #1`, `c1.1`,
			`overrides[0].message: message "1>2 proposal door/a c1.1": want LINK KIND MACHINE OPERATION #N`},
		{"unknown disk fault", `"rot"`, `"rust"`,
			`faults[6].what: disk fault "rust": want one of [rot misdirect read_error short_read write_error sync_error full slow stuck zeroed cut]`},
		{"a number for a disk fault", `"rot"`, `1`,
			`faults[6].what: 1: want a string`},
		{"unknown verdict", `"drop"}`, `"lose"}`,
			"overrides[0].override.fate: "},
	} {
		t.Run(c.name, func(t *testing.T) { requireRefused(t, c.old, c.new, c.want) })
	}
}

// Plans that are well formed but make no sense are refused too.
func TestSenselessPlansAreRefused(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"other format", "lockstep-plan", "lockstep-history", `format is "lockstep-history": want "lockstep-plan"`},
		{"no format", `"format": "lockstep-plan",`, ``, `format is "": want "lockstep-plan"; is this a plan?`},
		{"newer version", `"version": 3`, `"version": 4, "moons": 3`, "version: 4: this build reads versions 1 to 3"},
		{"version 0", `"version": 3`, `"version": 0`, "version: 0: this build reads versions 1 to 3"},
		{"too many nodes", `"nodes": 3`, `"nodes": 8`, "nodes: 8: want 1 to 7"},
		{"no clients", `"clients": 2`, `"clients": 0`, "clients: 0: want 1 to 64"},
		{"no system", `"origin"`, `""`, "system: want the name of a system under test"},
		{"bad definition", `"initial": "Shut"`, `"initial": "Ajar"`, `definitions[0]: definition "door": invalid: initial state "Ajar"`},
		{"built-in definition", `"name": "door"`, `"name": "definition"`, `definitions[0]: "definition" is built in: give yours another name`},
		{"no such manner", `"id": "c2.1"`, `"id_scheme": "shy", "id": "c2.1"`, `operations[1].id_scheme: "shy": want "own", "forged", "once" or nothing`},
		{"a claim that is made nowhere", `"id": "c1.1"`, `"watermark": 3, "id": "c1.1"`, `operations[0].watermark: 3: want it with the id_scheme "own" or "forged"`},
		{"a claim that no id can carry", `"id": "c1.1"`, `"id_scheme": "forged", "watermark": 9223372036854775808, "id": "c1.1"`, `operations[0].watermark: 9223372036854775808: want at most 4611686018427387904`},
		{"another's id, by a session", `"id": "c1.1"`, `"id_of": "c0.1", "id": "c1.1"`, `operations[0].id_of: "c0.1": want it with the id_scheme "own"`},
		{"the id of nobody", `"id": "c1.1"`, `"id_scheme": "own", "id_of": "c0.1", "id": "c1.1"`, `operations[0].id_of: "c0.1": want an operation before it, on the same machine`},
		{"no timeout", `"consensus_timeout": "20ms"`, `"consensus_timeout": "0s"`, "knobs.consensus_timeout: 0s: want more than 0"},
		{"negative repair delay", `"max_resends": 2`, `"repair_delay": "-1ms"`, "knobs.repair_delay: -1ms: want 0 to 24h"},
		{"negative repair rate", `"max_resends": 2`, `"repair_rate": -1`, "knobs.repair_rate: -1: want 0 or more"},
		{"negative retries", `"max_resends": 2`, `"max_resends": -1`, "knobs.max_resends: -1: want 0 to 1000"},
		{"more than always", `"drop_ppm": 1000`, `"drop_ppm": 1000001`, "network: drop_ppm: 1000001 is above 1000000"},
		{"wild clock", `"drift_ppm": 100`, `"drift_ppm": 600000`, "clocks[0]: drift_ppm"},
		{"duplicate id", `"c2.1"`, `"c1.1"`, `operations[1].id: "c1.1" is taken`},
		{"unknown client", `"client": 2`, `"client": 3`, "operations[1].client: 3: want 1 to 2"},
		{"unknown node", `"node": 2`, `"node": 4`, "operations[1].node: 4: want 1 to 3, or 0 to leave it to the client"},
		{"undefined machine", `"key": "door/a", "kind": "read"`, `"machine": "gate/a", "kind": "read"`,
			`operations[1].key: "gate/a": its definition is not among the plan's`},
		{"unknown state", `"kind": "propose", "argument": "Open"`, `"kind": "propose", "to": "Ajar"`,
			`operations[0].argument: "Ajar" is no state of door; its states are [Open Shut]`},
		{"read to a state", `"kind": "read"`, `"kind": "read", "to": "Open"`, `operations[1].argument: "Open": a read requests no state`},
		{"unknown kind", `"kind": "read"`, `"kind": "write"`, `operations[1].kind: "write": want "propose", "read" or "define"`},
		{"after the heal phase", `"at": "3ms"`, `"at": "21ms"`, "operations[1].at: 21ms: want 0 to the start of the heal phase, 20ms"},
		{"unknown fault", `"power_loss"`, `"flood"`, `faults[4].kind: "flood": want one of profile_override, partition, one_way, cut, clog, refuse, power_loss, process_crash, disk, wipe, rollback, pause, slow, freeze, disk_crash, stop`},
		{"fault without end", `"at": "5ms", "for": "9ms"`, `"at": "5ms", "for": "0s"`, "faults[4].for: 0s: want more than 0"},
		{"a crash of what", `"nodes": [3]`, `"nodes": [3], "what": "rot"`, "faults[4].what: a power_loss fault has none"},
		{"a disk fault of nothing", `"what": "rot", `, ``, "faults[6].what: a disk fault needs it"},
		{"damage to half of the nodes", `"nodes": [1]}`, `"nodes": [1, 2]}`,
			"faults[6].nodes: with these 2 of 3 nodes may be lost (heal.without included): want less than half"},
		{"damage and a heal phase without", `"settle": "10s"`, `"settle": "10s", "without": [2]`,
			"faults[6].nodes: with these 2 of 3 nodes may be lost"},
		{"field of another kind", `"nodes": [3]`, `"nodes": [3], "groups": [[1], [2]]`, "faults[4].groups: a power_loss fault has none"},
		{"missing field", `"sources": [1], `, ``, "faults[1].sources: a one_way fault needs it"},
		{"a stop that drains for ever", `"kind": "power_loss"`, `"kind": "stop", "drain": "25h"`, "faults[4].drain: 25h0m0s: want 0 to "},
		{"a power loss that drains", `"kind": "power_loss"`, `"kind": "power_loss", "drain": "1ms"`, "faults[4].drain: a power_loss fault has none"},
		{"a stop of no node", `"kind": "power_loss", "nodes": [3]`, `"kind": "stop"`, "faults[4].nodes: a stop fault needs it"},
		{"empty field", `"nodes": [3]`, `"nodes": []`, "faults[4].nodes: a power_loss fault needs it"},
		{"empty group", `[[1], [2, 3, 101]]`, `[[1], []]`, "faults[0].groups[1]: want at least one process"},
		{"unknown process", `[2, 3, 101]`, `[2, 3, 103]`,
			"faults[0].groups[1]: no process 103 in this plan (nodes are 1 to 3, clients 101 to 102)"},
		{"process in two groups", `[2, 3, 101]`, `[1, 2]`, "faults[0].groups: process 1 is listed twice"},
		{"a client cannot crash", `"nodes": [3]`, `"nodes": [101]`, "faults[4].nodes: no process 101 in this plan"},
		{"link to itself", `"1>2"`, `"2>2"`, "faults[2].links[0]: 2>2: want two different processes"},
		{"bad weather", `"max": "4ms"`, `"max": "0s"`, "faults[3].profile: delay: max: 0s is below min, 1ms"},
		{"message to nobody", `"1>2 prop`, `"1>9 prop`, "overrides[0].message: 1>9: want two processes of the plan"},
		{"contradictory verdict", `{"fate": "drop"}`, `{"fate": "drop", "delay": "1ms"}`, "overrides[0].override: fate: a dropped message has no copy, and no delay"},
		{"no time to heal", `"within": "30s"`, `"within": "0s"`, "heal.within: 0s: want more than 0"},
	} {
		t.Run(c.name, func(t *testing.T) { requireRefused(t, c.old, c.new, c.want) })
	}
}

func TestBrokenJSONIsRefusedByLine(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "line 1: not JSON: unexpected end"},
		{"cut off", validPlan[:strings.Index(validPlan, `"knobs"`)], "line 11: not JSON: unexpected end"},
		{"a comma too many", strings.Replace(validPlan, `"seed": 7,`, `"seed": 7,,`, 1), "line 5: not JSON: invalid character ','"},
		{"something behind the plan", validPlan + "{}", "line 31: not JSON: invalid character '{' after top-level value"},
		{"a list", "[]", `format is "": want "lockstep-plan"`},
		{"null", "null", `format is "": want "lockstep-plan"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := scenarios.Decode([]byte(c.text))
			require.ErrorIs(t, err, scenarios.ErrPlan)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// A plan that Decode accepts is unchanged when it is written and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(validPlan))
	f.Add([]byte(strings.Replace(validPlan, `"groups": [[1]`, `"nodes": [], "groups": [[1]`, 1)))
	for seed := range uint64(8) {
		f.Add(scenarios.Encode(scenarios.Generate(seed, shape(scenarios.All))))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := scenarios.Decode(text)
		if err != nil {
			require.ErrorIs(t, err, scenarios.ErrPlan)
			return
		}
		again, err := scenarios.Decode(scenarios.Encode(p))
		require.NoError(t, err)
		require.Equal(t, p, again)
		_ = p.Summary()
	})
}

// replaced is the valid plan with one place, which must be unique, replaced.
func replaced(t *testing.T, old, new string) []byte {
	require.Equal(t, 1, strings.Count(validPlan, old), "%s: want exactly one", old)
	return []byte(strings.Replace(validPlan, old, new, 1))
}

func requireRefused(t *testing.T, old, new, want string) {
	t.Helper()
	_, err := scenarios.Decode(replaced(t, old, new))
	require.ErrorIs(t, err, scenarios.ErrPlan)
	require.ErrorContains(t, err, "invalid plan: "+want)
}

// A plan of an older version keeps its meaning under the current names.
func TestPlansOfOlderVersionsAreRead(t *testing.T) {
	for _, name := range []string{"testdata/version1.json", "testdata/version2.json"} {
		old, err := os.ReadFile(name)
		require.NoError(t, err)
		p, err := scenarios.Decode(old)
		require.NoError(t, err)
		golden.Equal(t, "testdata/version3.json", string(scenarios.Encode(p)))
		again, err := scenarios.Decode(scenarios.Encode(p))
		require.NoError(t, err)
		require.Equal(t, p, again)
	}
	old, err := os.ReadFile("testdata/version1.json")
	require.NoError(t, err)
	_, err = scenarios.Decode(bytes.Replace(old, []byte(`"ring": 16`), []byte(`"ring": 16, "dedup_window": 8`), 1))
	require.ErrorContains(t, err, "knobs.dedup_window: given twice")
}
