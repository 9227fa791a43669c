package campaign

// Exported for tests.
var (
	Pinned     = pinned
	SameResult = sameResult
)
