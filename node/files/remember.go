package files

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// unfinished ends the name of a file that Remember writes.
const unfinished = ".tmp"

// Remember keeps a small file beside the log, in the place of what was
// remembered under the name before. It is durable when Remember returns; if
// that fails, or the process dies, Recall finds all of the old or all of the
// new.
func (d *Dir) Remember(name string, data []byte) error {
	if err := d.checkSide(name); err != nil {
		return err
	}
	d.side.Lock()
	defer d.side.Unlock()
	if d.closed.Load() {
		return d.failed("open", d.at(name), os.ErrClosed)
	}
	temp := d.at(name + unfinished)
	if err := writeSynced(temp, data); err != nil {
		return explain(errors.Join(err, removeIfThere(temp)))
	}
	if err := os.Rename(temp, d.at(name)); err != nil {
		return explain(errors.Join(err, removeIfThere(temp)))
	}
	return d.failed("sync", d.path, syncDir(d.self))
}

// Recall returns what was remembered under a name. The error if nothing was is
// fs.ErrNotExist.
func (d *Dir) Recall(name string) ([]byte, error) {
	if err := d.checkSide(name); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(d.at(name))
	if err != nil {
		return nil, explain(err)
	}
	return data, nil
}

// checkSide refuses the names that other files in the directory have.
func (d *Dir) checkSide(name string) error {
	if !plain(name) || ofLog(name) || name == lockName || strings.HasSuffix(name, unfinished) {
		return fmt.Errorf("files: %s: %q is not a name for a file beside the log", d.path, name)
	}
	return nil
}

// writeSynced writes a file anew and syncs it.
func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
