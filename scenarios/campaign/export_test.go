package campaign

// Pinned is for tests.
var Pinned = pinned
