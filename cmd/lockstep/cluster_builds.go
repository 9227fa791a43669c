package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/printable"
)

// shortBuild is the first word of a version, which names the release, in at most 32 bytes.
func shortBuild(build string) string {
	release, _, _ := strings.Cut(cmp.Or(build, httpapi.UnknownBuild), " ")
	return printable.String(release[:min(len(release), 32)])
}

// buildsOf returns the versions of the members that the nodes tell of: of itself a node knows
// best.
func buildsOf(all []nodeStatus) map[node.ID]string {
	builds := map[node.ID]string{}
	for _, r := range all {
		if r.Status == nil {
			continue
		}
		builds[r.Status.Node] = cmp.Or(r.Status.Build, httpapi.UnknownBuild)
	}
	for _, r := range all {
		if r.Status == nil {
			continue
		}
		for _, p := range r.Status.Peers {
			if told := builds[p.Node]; told == "" || told == httpapi.UnknownBuild {
				builds[p.Node] = cmp.Or(p.Build, httpapi.UnknownBuild)
			}
		}
	}
	return builds
}

// describeBuilds says in a line which versions the members are of; empty: no node answers.
func describeBuilds(all []nodeStatus) string {
	builds := buildsOf(all)
	if len(builds) == 0 {
		return ""
	}
	lowest := httpapi.LowestBuild(slices.Collect(maps.Values(builds)))
	var of []string
	same := true
	for _, id := range slices.Sorted(maps.Keys(builds)) {
		of = append(of, fmt.Sprintf("%d %s", id, shortBuild(builds[id])))
		same = same && builds[id] == lowest
	}
	if same {
		return fmt.Sprintf("the version of all members: %s", printable.String(lowest))
	}
	return fmt.Sprintf("the lowest version of the members: %s (%s)", printable.String(lowest), strings.Join(of, ", "))
}
