package campaign

// Pinned exports pinned for tests.
var Pinned = pinned
