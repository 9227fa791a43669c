package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// restoringName is the file that says that a directory is being restored. It is there,
// durably, before anything else of the restoration, and is removed when all is durable.
const restoringName = "RESTORING"

// ErrRestoring means that a restoration into the directory was interrupted: what is there
// is not a whole log.
var ErrRestoring = errors.New("a restoration into this directory was interrupted, and what is there is not a whole log: " +
	"remove all that is in it, and restore again")

// ErrNotEmpty means that there is something in a directory that is to be restored.
var ErrNotEmpty = errors.New("the directory is not empty: restore into a new one")

// Restore is Open for a directory that a log is to be restored to: one that does not
// exist, or is empty (else ErrNotEmpty or ErrRestoring). Until Restored, Open refuses
// the directory with ErrRestoring, also after a crash.
func Restore(dir string) (*Dir, error) {
	if err := checkEmpty(dir); err != nil {
		return nil, err
	}
	d, err := open(dir)
	if err != nil {
		return nil, err
	}
	err = checkEmpty(dir) // another process may have restored meanwhile
	if err == nil {
		err = d.markRestoring()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// checkEmpty returns an error if there is anything in a directory but a LOCK.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain(err)
	}
	if err := CheckRestored(dir); err != nil {
		return err
	}
	if i := slices.IndexFunc(entries, func(e os.DirEntry) bool { return e.Name() != lockName }); i >= 0 {
		return fmt.Errorf("files: %s: %w (there is %s)", dir, ErrNotEmpty, entries[i].Name())
	}
	return nil
}

// CheckRestored returns an error that wraps ErrRestoring if a restoration of the directory has
// begun and not ended.
func CheckRestored(dir string) error {
	switch _, err := os.Lstat(filepath.Join(dir, restoringName)); {
	case err == nil:
		return fmt.Errorf("files: %s: %w", dir, ErrRestoring)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return explain(err)
	}
}

func (d *Dir) markRestoring() error {
	path := d.pathOf(restoringName)
	f, err := d.folder.OpenFile(restoringName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return explainAt("create", path, err)
	}
	_, err = f.WriteString(ErrRestoring.Error() + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return explainAt("write", path, err)
	}
	return d.wrapError("sync", d.Path(), syncDir(d.handle))
}

// Restored ends a restoration: the log in the directory is whole and durable.
func (d *Dir) Restored() error {
	if err := d.wrapError("sync", d.Path(), syncDir(d.handle)); err != nil {
		return err
	}
	if err := d.folder.Remove(restoringName); err != nil {
		return explainAt("remove", d.pathOf(restoringName), err)
	}
	return d.wrapError("sync", d.Path(), syncDir(d.handle))
}

// OpenExisting is Open for a directory that is there, to read it. It creates nothing but
// the LOCK of a directory that has none. On a file system that takes no writes it locks the
// LOCK that there is.
func OpenExisting(dir string) (*Dir, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, explain(err)
	}
	d, err := Open(dir)
	if errors.Is(err, syscall.EROFS) {
		return openReadOnly(dir)
	}
	return d, err
}

// openReadOnly locks a directory without a write.
func openReadOnly(dir string) (*Dir, error) {
	if err := CheckRestored(dir); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, explain(err)
	}
	folder, err := openFolder(path, true)
	if err != nil {
		return nil, err
	}
	d, err := lockFolder(folder, readOnlyLock)
	if err != nil {
		folder.Close()
	}
	return d, err
}

// readOnlyLock returns the LOCK of a directory, locked, or the directory if it has none: then
// no node has used it.
func readOnlyLock(dir *folder) (*os.File, error) {
	if err := dir.requireTrusted(); err != nil {
		return nil, err
	}
	f, err := dir.openFile(lockName, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return dir.Open(".")
	}
	if err != nil {
		return nil, err
	}
	return f, lockFile(dir, f)
}
