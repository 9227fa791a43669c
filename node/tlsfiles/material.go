package tlsfiles

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"
)

// maxFile bounds the size of a file, in bytes.
const maxFile = 1 << 20

// contents is the bytes of the files.
type contents struct{ authorities, certificate, key []byte }

func (c *contents) equal(d *contents) bool {
	return bytes.Equal(c.authorities, d.authorities) && bytes.Equal(c.certificate, d.certificate) && bytes.Equal(c.key, d.key)
}

// material is the meaning of the files at one time. It does not change.
type material struct {
	contents    contents
	authorities *x509.CertPool
	certificate *tls.Certificate // nil: there is none
}

// notAfter returns the end of the own certificate; zero: there is none.
func (m *material) notAfter() time.Time {
	if m.certificate == nil {
		return time.Time{}
	}
	return m.certificate.Leaf.NotAfter
}

// certificates returns the own certificate, as tls.Config has it.
func (m *material) certificates() []tls.Certificate {
	if m.certificate == nil {
		return nil
	}
	return []tls.Certificate{*m.certificate}
}

// read reads the files. If they are as before, it returns before.
func (c *Config) read(before *material) (*material, error) {
	raw, err := c.Paths.read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	if before != nil && before.contents.equal(raw) {
		return before, nil
	}
	m, err := c.interpret(raw, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	return m, nil
}

// read returns the bytes of the files.
func (p *Paths) read() (*contents, error) {
	var c contents
	for _, f := range []struct {
		noun, path string
		into       *[]byte
	}{{"authorities", p.Authorities, &c.authorities}, {"certificate", p.Certificate, &c.certificate}, {"key", p.Key, &c.key}} {
		if f.path == "" {
			continue
		}
		b, err := readFile(f.path, f.into == &c.key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.noun, err)
		}
		*f.into = b
	}
	return &c, nil
}

// readFile reads a file of bounded size. A secret must not be readable for all.
func readFile(path string, secret bool) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: want a regular file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s: %d bytes: want at most %d", path, info.Size(), maxFile)
	case secret && readableForAll(info.Mode()):
		return nil, fmt.Errorf("%s: %w", path, ErrKeyReadable)
	}
	b := make([]byte, info.Size())
	if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
		return nil, fmt.Errorf("%s: it changes while it is read: %w", path, err)
	}
	return b, nil
}

// readableForAll reports whether each user of the host can read a file with a mode.
func readableForAll(mode fs.FileMode) bool {
	return runtime.GOOS != "windows" && mode.Perm()&0o004 != 0
}

// interpret checks the contents of the files: a process must not begin to use files by
// which no other would let it in.
func (c *Config) interpret(raw *contents, now time.Time) (*material, error) {
	m := &material{contents: *raw}
	var err error
	if m.authorities, err = parseAuthorities(raw.authorities); err != nil {
		return nil, fmt.Errorf("authorities: %s: %w", c.Authorities, err)
	}
	if c.Certificate == "" && c.Key == "" {
		return m, nil
	}
	pair, err := tls.X509KeyPair(raw.certificate, raw.key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", c.Certificate, c.Key, err)
	}
	if err := c.checkOwn(&pair, m.authorities, now); err != nil {
		return nil, fmt.Errorf("certificate: %s: %w", c.Certificate, err)
	}
	m.certificate = &pair
	return m, nil
}

// checkOwn returns an error if others that trust the same authorities would refuse the
// own certificate.
func (c *Config) checkOwn(pair *tls.Certificate, authorities *x509.CertPool, now time.Time) error {
	if now.Before(pair.Leaf.NotBefore) || now.After(pair.Leaf.NotAfter) {
		return fmt.Errorf("valid from %s to %s: %w", pair.Leaf.NotBefore.UTC().Format(time.RFC3339), pair.Leaf.NotAfter.UTC().Format(time.RFC3339), ErrExpired)
	}
	if c.Own != nil {
		if err := c.Own(pair.Leaf); err != nil {
			return err
		}
	}
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		between.AddCert(parsed)
	}
	for _, usage := range c.Usages {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: authorities, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
		if err != nil {
			return fmt.Errorf("the authorities of the other file do not vouch for it: %w", err)
		}
	}
	return nil
}

// parseAuthorities parses PEM certificates. All of it has to make sense: half a bundle
// would lock others out.
func parseAuthorities(text []byte) (*x509.CertPool, error) {
	pool, n := x509.NewCertPool(), 0
	for rest := text; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if n == 0 || len(bytes.TrimSpace(rest)) > 0 {
				return nil, errors.New("want PEM with one CERTIFICATE or more, and nothing else")
			}
			return pool, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it has a %s: want certificates only", block.Type)
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if !parsed.IsCA {
			return nil, fmt.Errorf("the certificate of %q is not that of an authority", parsed.Subject.CommonName)
		}
		pool.AddCert(parsed)
	}
}
