package board

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each row is a sequence of campaigns, and the words of each. A campaign is its seeds and
// its signatures with their first seeds.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		name      string
		campaigns []Record
		want      []string
	}{
		{"a failure is new once, and then ongoing",
			[]Record{ran(0, 99, "a@7"), ran(0, 99, "a@7"), ran(0, 99, "a@3")},
			[]string{"a new", "a ongoing", "a ongoing"}},
		{"what was there and is not is gone, once",
			[]Record{ran(0, 99, "a@7"), ran(0, 99), ran(0, 99)},
			[]string{"a new", "a gone", ""}},
		{"what was gone and is back is regressed, and then ongoing",
			[]Record{ran(0, 99, "a@7"), ran(0, 99), ran(0, 99, "a@7"), ran(0, 99, "a@7")},
			[]string{"a new", "a gone", "a regressed", "a ongoing"}},
		{"what regressed may go again",
			[]Record{ran(0, 99, "a@7"), ran(0, 99), ran(0, 99, "a@7"), ran(0, 99)},
			[]string{"a new", "a gone", "a regressed", "a gone"}},
		{"a campaign that did not run the first seed says nothing",
			[]Record{ran(0, 99, "a@7"), ran(8, 99), ran(0, 6), ran(0, 99, "a@7")},
			[]string{"a new", "", "", "a ongoing"}},
		{"the first seed is that of the last campaign that had one",
			[]Record{ran(0, 99, "a@7"), ran(50, 99, "a@60"), ran(0, 50), ran(60, 60)},
			[]string{"a new", "a ongoing", "", "a gone"}},
		{"a shard says nothing about the seeds of others",
			[]Record{ran(0, 99, "a@7"), shard(0, 98, 2), shard(1, 99, 2)},
			[]string{"a new", "", "a gone"}},
		{"a campaign without a seed says nothing",
			[]Record{ran(0, 0, "a@0"), {}, ran(0, 0, "a@0")},
			[]string{"a new", "", "a ongoing"}},
		{"systems and plans are not compared with others",
			[]Record{ran(0, 99, "a@7"), of("other", "p", ran(0, 99)), of("s", "q", ran(0, 99, "a@7")), ran(0, 99, "a@7")},
			[]string{"a new", "", "a new", "a ongoing"}},
		{"several signatures, and those that are gone come last",
			[]Record{ran(0, 99, "a@7", "b@9"), ran(0, 99, "c@1", "b@9")},
			[]string{"a new, b new", "c new, b ongoing, a gone"}},
		{"a list that is cut says nothing of what it lacks",
			[]Record{ran(0, 99, "a@7"), cut(ran(0, 99, "b@1")), ran(0, 99, "a@7")},
			[]string{"a new", "b new", "a ongoing, b gone"}},
		{"the largest seed",
			[]Record{ran(1<<64-2, 1<<64-1, "a@18446744073709551615"), ran(1<<64-1, 1<<64-1)},
			[]string{"a new", "a gone"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range c.campaigns {
				if c.campaigns[i].System == "" {
					c.campaigns[i] = of("s", "p", c.campaigns[i])
				}
			}
			var got []string
			for _, list := range Compare(c.campaigns) {
				var words []string
				for _, s := range list {
					words = append(words, s.Signature+" "+string(s.Word))
				}
				got = append(got, strings.Join(words, ", "))
			}
			require.Equal(t, c.want, got)
		})
	}
}

// A failure that is gone keeps its first seed and the line that repeated it.
func TestWhatIsGoneCanBeRepeated(t *testing.T) {
	was := ran(0, 99, "a@7")
	was.Signatures[0].Replay = "mine replay 7"
	all := Compare([]Record{was, ran(0, 99)})
	require.Equal(t, []Standing{{Signature: "a", Word: Gone, First: 7, Replay: "mine replay 7"}}, all[1])
}

// ran is a campaign that ran all seeds from first to last. A signature is its name and its
// first seed, as in a@7.
func ran(first, last uint64, signatures ...string) Record {
	r := Record{First: first, Last: last, Shards: 1, Seeds: last - first + 1}
	for _, s := range signatures {
		g := Signature{Count: 1}
		name, seed, _ := strings.Cut(s, "@")
		g.Signature = name
		if _, err := fmt.Sscan(seed, &g.First); err != nil {
			panic(err)
		}
		r.Signatures = append(r.Signatures, g)
	}
	return r
}

func shard(first, last, shards uint64) Record {
	r := ran(first, last)
	r.Shards, r.Seeds = shards, (last-first)/shards+1
	return r
}

func of(system, plans string, r Record) Record {
	r.System, r.Plans = system, plans
	return r
}

func cut(r Record) Record {
	r.More = 1
	return r
}
