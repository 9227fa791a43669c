package settings

import "fmt"

// similar returns a hint at the setting with the most similar name, or nothing if none is
// similar.
func (s *Set) similar(key string) string {
	best, least := "", 4
	for _, name := range s.names {
		if d := distance(key, name); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; the nearest is %s", best)
}

// distance returns the number of characters to insert, delete or change in a to get b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
