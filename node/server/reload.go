package server

import "errors"

// Reload reads the files of tokens, certificates and authorities now. Requests and new
// connections use them; connections stay open, but for streams and watches of tokens that
// are gone. A file that makes no sense changes nothing, and the error names it.
func (s *Server) Reload() error {
	err := s.reloadTokens()
	if s.tls != nil {
		err = errors.Join(err, s.tls.files.Reload())
	}
	return err
}

// reloadTokens reads the file of tokens, and ends the streams of clients whose tokens are
// gone or have another role.
func (s *Server) reloadTokens() error {
	if s.access.tokens == nil {
		return nil
	}
	changed, err := s.access.tokens.refresh()
	if changed {
		s.streams.endUnless(func(c *client) bool { return s.access.holds(c.Principal) })
	}
	return err
}
