package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/etcd"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/input"
)

// maxReports bounds the reports of one client of etcd's robustness tests, in bytes.
const maxReports = 1 << 30

// isDirectory reports whether the argument of the command is a directory.
func isDirectory(name string) bool {
	info, err := os.Stat(name)
	return name != "-" && err == nil && info.IsDir()
}

// clientReports lists the reports of the clients in a directory of etcd's robustness
// tests, as paths within it. Names are compared and are no patterns: a directory may have
// brackets in its name.
func clientReports(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, withoutPath(err)
	}
	for _, e := range entries {
		file := filepath.Join(e.Name(), "operations.json")
		_, err := os.Lstat(filepath.Join(dir, file))
		if strings.HasPrefix(e.Name(), "client-") && (err == nil || errors.Is(err, fs.ErrPermission)) {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, errors.New("is a directory, and has no reports of clients: want a history file, or the directory of a run of etcd's robustness tests, which has client-*/operations.json")
	}
	return files, nil
}

// readReports reads the reports of the clients of one run, in a directory.
func (s *historyFlags) readReports(dir string) (source, error) {
	if err := s.refuseModel(); err != nil {
		return source{}, err
	}
	files, err := clientReports(dir)
	if err != nil {
		return source{}, err
	}
	var r etcd.Report
	for _, file := range files {
		text, err := input.ReadFile(filepath.Join(dir, file), maxReports)
		if err != nil {
			return source{}, err
		}
		if err := addReport(&r, text); err != nil {
			return source{}, fmt.Errorf("%s: %w", filepath.ToSlash(file), err)
		}
	}
	return source{History: r.History(), model: r.Model()}, nil
}

// addReport adds the report of a client, which must be whole.
func addReport(r *etcd.Report, text []byte) error {
	switch {
	case len(text) == 0:
		return fmt.Errorf("%w: the file is empty: delete it if the client requested nothing", history.ErrFormat)
	case !bytes.HasSuffix(text, []byte("\n")):
		return fmt.Errorf("%w: the file does not end in a newline, so it was cut off", history.ErrFormat)
	}
	return r.Read(bytes.NewReader(text))
}

// readEtcd reads one report of etcd's robustness tests, or several in one file.
func (s *historyFlags) readEtcd(in io.Reader) (source, error) {
	if err := s.refuseModel(); err != nil {
		return source{}, err
	}
	var r etcd.Report
	if err := r.Read(in); err != nil {
		return source{}, err
	}
	return source{History: r.History(), model: r.Model()}, nil
}

// refuseModel returns an error for flags that are for histories without a model.
func (s *historyFlags) refuseModel() error {
	if s.model != "" || s.initial != "" || s.failed != failedNone || s.independent || s.nilRead != nilUnwritten {
		return errors.New("a report of etcd has its own model: leave out --model, --initial, --failed, --independent and --nil-read")
	}
	return nil
}
