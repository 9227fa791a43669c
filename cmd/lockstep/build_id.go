package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

// buildID tells builds of this program apart, those of the same revision too:
// a hash of the program's own file.
func buildID() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}
