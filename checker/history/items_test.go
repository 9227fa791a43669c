package history

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestItems(t *testing.T) {
	for text, want := range map[string][]string{
		"nil":                      nil,
		"[]":                       nil,
		" [1]":                     {"not a list"},
		"[ 1,2 , 3 ]":              {"1", "2", "3"},
		"(a b)":                    {"a", "b"},
		"#{b a}":                   {"b", "a"},
		`["a b" "]" "\"" x]`:       {`"a b"`, `"]"`, `"\""`, "x"},
		"[[1 2] #{3} {:a [4]} ()]": {"[1 2]", "#{3}", "{:a [4]}", "()"},
		`["a""b"]`:                 {`"a"`, `"b"`},
		"":                         {"not a list"},
		"#":                        {"not a list"},
		"1":                        {"not a list"},
		"{1 2}":                    {"not a list"},
		"#[1]":                     {"not a list"},
		"[1":                       {"not a list"},
		"[1]]":                     {"not a list"},
		"[1] ":                     {"not a list"},
		"[1)":                      {"not a list"},
		"[(1]":                     {"not a list"},
		`["a]`:                     {"not a list"},
		`["a\`:                     {"not a list"},
	} {
		items, ok := Items(text)
		if !ok {
			items = []string{"not a list"}
		}
		require.Equal(t, want, items, text)
	}
}

// The items of a list make the list again, and each alone is an element.
func TestListOf(t *testing.T) {
	item := rapid.SampledFrom([]string{"a", "-1", ":key", `"b c"`, "[1 [2]]", "#{3}"})
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOf(item).Draw(t, "items")
		again, ok := Items(ListOf(items))
		require.True(t, ok)
		require.Equal(t, ListOf(items), ListOf(again))
		for _, text := range again {
			require.Nil(t, Field{Element, "the element"}.check("argument", text, KindAdd))
		}
	})
}

func FuzzItems(f *testing.F) {
	f.Add(`[1 "a b" [2 3] #{4}]`)
	f.Add(`["\"]`)
	f.Fuzz(func(t *testing.T, text string) {
		items, ok := Items(text)
		if !ok {
			return
		}
		again, ok := Items(ListOf(items))
		require.True(t, ok)
		require.Equal(t, items, again)
	})
}

// Lists of words are taken apart by a shorter way, with the same items.
func TestWordsAreItems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inside := rapid.StringMatching(`[a-c ,\t:]{0,12}`).Draw(t, "inside")
		short, ok := Items("[" + inside + "]")
		long, alsoOK := Items("[" + inside + " []]") // a list in it takes the longer way
		require.True(t, ok && alsoOK)
		require.Equal(t, long[:len(long)-1], append([]string{}, short...))
		require.True(t, isList("["+inside+"]"))
	})
}
