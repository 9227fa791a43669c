package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File is a backup that is being written to a file. The file has its name only when it is
// complete and durable.
type File struct {
	*Writer
	path       string
	temp       *os.File
	compressor io.Closer // nil: the file is not compressed
}

// ErrExists is wrapped by the error for a file that is there already.
var ErrExists = errors.New("there is a file of that name: choose another, or remove it")

// Create begins a backup in a file that must not exist, and that is compressed if its name
// ends with CompressedExtension. Commit or Abort ends it.
func Create(path string, h Header) (*File, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s: %w", path, ErrExists)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".incomplete-")
	if failure := (*fs.PathError)(nil); errors.As(err, &failure) { // its name is of no file that was asked for
		return nil, fmt.Errorf("%s: no file can be made in the directory %s: %w", path, filepath.Dir(path), failure.Err)
	}
	if err != nil {
		return nil, err
	}
	f := &File{path: path, temp: temp}
	if err := f.begin(h); err != nil {
		f.Abort()
		return nil, err
	}
	return f, nil
}

// begin begins the content of the file.
func (f *File) begin(h Header) (err error) {
	out := io.Writer(f.temp)
	if strings.HasSuffix(f.path, CompressedExtension) {
		z, err := newCompressor(f.temp)
		if err != nil {
			return err
		}
		out, f.compressor = z, z
	}
	f.Writer, err = NewWriter(out, h)
	return err
}

// Commit completes the backup, makes it durable, and gives the file its name. After an
// error there is no file.
func (f *File) Commit() (Summary, error) {
	s, err := f.Close()
	if err == nil && f.compressor != nil {
		err = f.compressor.Close()
	}
	if err == nil {
		err = f.temp.Sync()
	}
	if err == nil {
		err = f.temp.Close()
	}
	if err == nil {
		err = os.Rename(f.temp.Name(), f.path)
	}
	if err != nil {
		f.Abort()
		return Summary{}, err
	}
	return s, syncDir(filepath.Dir(f.path))
}

// Abort removes the temporary file, unless Commit has ended it.
func (f *File) Abort() {
	_ = f.temp.Close() // its content is not needed any more
	_ = os.Remove(f.temp.Name())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
