//go:build race

package client_test

const raceEnabled = true // the race detector makes a test ten times as slow
