package files

// Closing reports whether Close was called.
func (r *Runner) Closing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// OpenFiles counts the log's files that are open.
func (d *Dir) OpenFiles() int { return len(d.openFiles) }
