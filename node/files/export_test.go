package files

// Closing reports whether Close was called.
func (r *Runner) Closing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Opened counts the log's files that are open.
func (d *Dir) Opened() int { return len(d.open) }
