package httpapi

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// UnknownBuild stands for the version of a member that shows none: it has not been heard of
// in this life of the node, or is of an earlier version.
const UnknownBuild = "unknown"

// LowestBuild returns the lowest of the versions of some members: UnknownBuild if one of
// them is not known. A version begins with the release of its module, as in v1.2.3; one that
// does not, as of a build without a release, goes before all that do.
func LowestBuild(builds []string) string {
	lowest := ""
	for i, b := range builds {
		switch {
		case b == "" || b == UnknownBuild:
			return UnknownBuild
		case i == 0 || compareBuilds(b, lowest) < 0:
			lowest = b
		}
	}
	return lowest
}

// compareBuilds compares two versions: by their releases, of which one with an addition, as
// in v1.2.3-rc.1, goes before the release itself, and then as texts.
func compareBuilds(a, b string) int {
	x, xAdded := releaseOf(a)
	y, yAdded := releaseOf(b)
	added := func(is bool) int {
		if is {
			return 0
		}
		return 1
	}
	return cmp.Or(slices.Compare(x, y), cmp.Compare(added(xAdded), added(yAdded)), strings.Compare(a, b))
}

// releaseOf returns the three numbers of the release at the beginning of a version, and
// whether it has an addition; nil: there is no release.
func releaseOf(build string) (numbers []uint64, added bool) {
	word, _, _ := strings.Cut(build, " ")
	word, _, _ = strings.Cut(word, "+")
	word, _, added = strings.Cut(word, "-")
	text, ok := strings.CutPrefix(word, "v")
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.ParseUint(part, 10, 64)
		ok = ok && err == nil
		numbers = append(numbers, n)
	}
	if !ok || len(numbers) != 3 {
		return nil, false
	}
	return numbers, added
}
