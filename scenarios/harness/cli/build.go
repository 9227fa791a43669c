package cli

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"sync"
)

// BuildID returns an id of this build, which differs also between builds of one
// revision: a hash of the program's own file, as it was when a process asked first.
func BuildID() (string, error) { return buildID() }

var buildID = sync.OnceValues(hashProgram)

func hashProgram() (string, error) {
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
