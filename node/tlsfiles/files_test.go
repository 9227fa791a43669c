package tlsfiles_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/certificate"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/tlsfiles"
	"github.com/lockstep-dst/lockstep/node/tlsfiles/tlstest"
)

// openNode opens the files of a member of cluster "c".
func openNode(t *testing.T, p tlsfiles.Paths, id op.NodeID) *tlsfiles.Files {
	t.Helper()
	f, err := tlsfiles.OpenNode(tlsfiles.Config{Paths: p}, "c", id)
	require.NoError(t, err)
	return f
}

func openClient(t *testing.T, p tlsfiles.Paths) *tlsfiles.Files {
	t.Helper()
	f, err := tlsfiles.OpenClient(tlsfiles.Config{Paths: p})
	require.NoError(t, err)
	return f
}

// connect carries out a handshake. In TLS 1.3 a dialler learns from its first read that it
// is refused.
func connect(t *testing.T, server, client *tls.Config) (serverErr, clientErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	b, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer b.Close()
	a, err := l.Accept()
	require.NoError(t, err)
	defer a.Close()
	for _, c := range []net.Conn{a, b} {
		require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	}
	accepted := make(chan error, 1)
	go func() {
		s := tls.Server(a, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x"))
		}
		_ = a.Close()
		accepted <- err
	}()
	c := tls.Client(b, client)
	if clientErr = c.Handshake(); clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1))
	}
	_ = b.Close()
	return <-accepted, clientErr
}

// Each certificate opens the ports that are its own, and no others. Want is a part of the
// acceptor's error, or the dialler's; empty: they connect.
func TestPortsAndCertificates(t *testing.T) {
	ours, theirs, others := tlstest.New(t, "c"), tlstest.New(t, "c"), tlstest.New(t, "d")
	save := func(a *tlstest.Authority, p certificate.Pair) tlsfiles.Paths {
		paths := a.Save(p)
		paths.Authorities = ours.Authorities
		return paths
	}
	raw := func(p tlsfiles.Paths) *tlsfiles.Files { // by no check of its own: an attacker's
		f, err := tlsfiles.Open(tlsfiles.Config{Paths: p})
		if err == nil {
			return f
		}
		require.ErrorIs(t, err, tlsfiles.ErrFiles)
		return nil
	}
	one := openNode(t, ours.Node(1), 1)
	expired := save(ours, ours.NodePair(2, tlstest.Expired()))
	require.Nil(t, raw(expired), "an expired certificate is not opened at all")
	both := func(a *tlsfiles.Files, cluster string) [2]*tls.Config {
		return [2]*tls.Config{a.DialPeer(cluster), a.DialNode()}
	}
	with := func(c [2]*tls.Config, paths tlsfiles.Paths) [2]*tls.Config { // another certificate, unchecked
		pair, err := tls.LoadX509KeyPair(paths.Certificate, paths.Key)
		require.NoError(t, err)
		for i := range c {
			c[i].Certificates = nil
			c[i].GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		return c
	}
	attacker := func(paths tlsfiles.Paths) [2]*tls.Config { return with(both(raw(ours.Node(2)), "c"), paths) }
	anonymous := both(raw(tlsfiles.Paths{Authorities: ours.Authorities}), "c")
	old := both(raw(ours.Node(2)), "c")
	for i := range old {
		old[i].MinVersion, old[i].MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}
	for _, c := range []struct {
		name                     string
		dial                     [2]*tls.Config
		peers, clients, optional string
	}{
		{"node", both(openNode(t, ours.Node(2), 2), "c"), "", "not that of a client", "not that of a client"},
		{"client", attacker(ours.Client("a", access.Admin)), "not that of a node", "", ""},
		{"no certificate", anonymous, "didn't provide a certificate", "didn't provide a certificate", ""},
		{"node of another authority", attacker(theirs.Node(2)), "unknown authority", "unknown authority", "unknown authority"},
		{"client of another authority", attacker(theirs.Client("a", access.Admin)), "unknown authority", "unknown authority", "unknown authority"},
		{"expired node", attacker(expired), "expired", "expired", "expired"},
		{"expired client", attacker(ours.Save(ours.ClientPair("a", access.Admin, tlstest.Expired()))), "expired", "expired", "expired"},
		{"node of another cluster", attacker(others.Node(2)), "unknown authority", "unknown authority", "unknown authority"},
		{"TLS 1.2", old, "unsupported versions", "unsupported versions", "unsupported versions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, port := range []struct {
				server, client *tls.Config
				want           string
			}{
				{one.ServePeer("c"), c.dial[0], c.peers},
				{one.ServeClient("c", false), c.dial[1], c.clients},
				{one.ServeClient("c", true), c.dial[1], c.optional},
			} {
				client := port.client.Clone()
				client.ServerName = "127.0.0.1"
				refused, told := connect(t, port.server, client)
				if port.want == "" {
					require.NoError(t, refused)
					require.NoError(t, told)
					continue
				}
				require.ErrorContains(t, refused, port.want)
				require.Error(t, told)
			}
		})
	}

	t.Run("an authority of two clusters", func(t *testing.T) {
		d := raw(others.Node(2))
		refused, _ := connect(t, openNodeOf(t, others.Node(1), "d", 1).ServePeer("e"), d.DialPeer("d"))
		require.ErrorIs(t, refused, certificate.ErrCluster)
		_, refused = connect(t, openNodeOf(t, others.Node(1), "d", 1).ServePeer("d"), d.DialPeer("e"))
		require.ErrorIs(t, refused, certificate.ErrCluster)
		client := raw(others.Client("a", access.Reader)).DialNode()
		client.ServerName = "127.0.0.1"
		refused, _ = connect(t, openNodeOf(t, others.Node(1), "d", 1).ServeClient("e", false), client)
		require.ErrorIs(t, refused, certificate.ErrCluster)
	})
	t.Run("the wrong port", func(t *testing.T) {
		refused, _ := connect(t, one.ServeClient("c", true), openNode(t, ours.Node(2), 2).DialPeer("c"))
		require.ErrorContains(t, refused, "application protocol")
	})
}

func openNodeOf(t *testing.T, p tlsfiles.Paths, cluster string, id op.NodeID) *tlsfiles.Files {
	t.Helper()
	f, err := tlsfiles.OpenNode(tlsfiles.Config{Paths: p}, cluster, id)
	require.NoError(t, err)
	return f
}

// The dialler checks the acceptor: a member cannot be a client, or of another authority.
func TestDiallersCheckTheAcceptor(t *testing.T) {
	ours, theirs := tlstest.New(t, "c"), tlstest.New(t, "c")
	dialler := openNode(t, ours.Node(2), 2)
	node := func(name string) *tls.Config {
		c := openClient(t, ours.Client("a", access.Reader)).DialNode()
		c.ServerName = name
		return c
	}
	pretend := func(p tlsfiles.Paths) *tls.Config { // accepts anybody, with any certificate
		pair, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		require.NoError(t, err)
		return &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	for _, c := range []struct {
		name         string
		server, dial *tls.Config
		want         string
	}{
		{"member", pretend(ours.Node(1)), dialler.DialPeer("c"), ""},
		{"member of another authority", pretend(theirs.Node(1)), dialler.DialPeer("c"), "unknown authority"},
		{"client as member", pretend(ours.Client("a", access.Admin)), dialler.DialPeer("c"), "incompatible key usage"},
		{"expired member", pretend(ours.Save(ours.NodePair(1, tlstest.Expired()))), dialler.DialPeer("c"), "expired"},
		{"node", pretend(ours.Node(1)), node("localhost"), ""},
		{"node at its address", pretend(ours.Node(1)), node("127.0.0.1"), ""},
		{"node elsewhere", pretend(ours.Node(1)), node("db.example"), "not db.example"},
		{"node of another authority", pretend(theirs.Node(1)), node("localhost"), "unknown authority"},
		{"client as node", pretend(ours.Client("a", access.Admin)), node("localhost"), "not valid for any names"},
		{"expired node", pretend(ours.Save(ours.NodePair(1, tlstest.Expired()))), node("localhost"), "expired"},
	} {
		_, err := connect(t, c.server, c.dial)
		if c.want == "" {
			require.NoError(t, err, c.name)
			continue
		}
		require.ErrorContains(t, err, c.want, c.name)
	}
}

// Files by which a process could not work are refused before it begins, with the file.
func TestFilesThatMakeNoSense(t *testing.T) {
	a, b := tlstest.New(t, "c"), tlstest.New(t, "c")
	good := a.Node(1)
	dir := t.TempDir()
	file := func(name string, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(text)
	}
	open := file("open.key", read(good.Key))
	require.NoError(t, os.Chmod(open, 0o644))
	type paths = tlsfiles.Paths
	for _, c := range []struct {
		name  string
		paths paths
		want  string
	}{
		{"no authorities", paths{"", good.Certificate, good.Key}, "authorities: missing"},
		{"no certificate", paths{good.Authorities, "", good.Key}, "certificate: missing"},
		{"no key", paths{good.Authorities, good.Certificate, ""}, "key: missing"},
		{"nothing of its own", paths{good.Authorities, "", ""}, "a node needs one"},
		{"no file", paths{good.Authorities, filepath.Join(dir, "none"), good.Key}, "none: no such file"},
		{"a directory", paths{dir, good.Certificate, good.Key}, "want a regular file"},
		{"a large file", paths{file("large", strings.Repeat("x", 2<<20)), good.Certificate, good.Key}, "want at most"},
		{"an empty bundle", paths{file("empty", ""), good.Certificate, good.Key}, "want PEM with one CERTIFICATE or more"},
		{"half a bundle", paths{file("half", read(good.Authorities)+"-----BEGIN CERT"), good.Certificate, good.Key}, "and nothing else"},
		{"a key in the bundle", paths{file("mixed", read(good.Authorities)+read(good.Key)), good.Certificate, good.Key}, "want certificates only"},
		{"no authority in the bundle", paths{good.Certificate, good.Certificate, good.Key}, `the certificate of "node 1 of c" is not that of an authority`},
		{"a key of another", paths{good.Authorities, good.Certificate, a.Node(1).Key}, "private key does not match"},
		{"a key for all eyes", paths{good.Authorities, good.Certificate, open}, "chmod 600"},
		{"another authority", paths{b.Authorities, good.Certificate, good.Key}, "do not vouch for it"},
		{"another node", a.Node(2), "that of another node"},
		{"a client", a.Client("x", access.Admin), "not that of a node"},
		{"another cluster", tlstest.New(t, "d").Node(1), "of another cluster"},
		{"an expired one", a.Save(a.NodePair(1, tlstest.Expired())), "the certificate is not valid now"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := tlsfiles.OpenNode(tlsfiles.Config{Paths: c.paths}, "c", 1)
			require.Nil(t, f)
			require.ErrorIs(t, err, tlsfiles.ErrFiles)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// Changed files are used by new connections, files that make no sense are not; each bad
// state is logged once, and counted.
func TestReload(t *testing.T) {
	a := tlstest.New(t, "c")
	p := a.Node(1)
	var log strings.Builder
	f, err := tlsfiles.OpenNode(tlsfiles.Config{Paths: p, Log: slog.New(slog.NewTextHandler(&log, nil))}, "c", 1)
	require.NoError(t, err)
	first := f.Status()
	require.WithinDuration(t, time.Now().Add(time.Hour), first.NotAfter, time.Minute)
	require.NoError(t, f.Reload())
	require.Equal(t, first, f.Status(), "nothing has changed")
	require.Empty(t, log.String())

	require.NoError(t, os.WriteFile(p.Certificate, []byte("half of a"), 0o600))
	for range 3 {
		require.ErrorIs(t, f.Reload(), tlsfiles.ErrFiles)
	}
	require.EqualValues(t, 3, f.Status().Failures)
	require.Zero(t, f.Status().Reloads)
	require.Equal(t, 1, strings.Count(log.String(), "stay in use"), log.String())
	client := openNode(t, a.Node(2), 2)
	for _, err := range fold(connect(t, f.ServePeer("c"), client.DialPeer("c"))) {
		require.NoError(t, err, "the earlier files are in use")
	}

	next := a.NodePair(1, certificate.Validity{From: time.Now().Add(-time.Hour), To: time.Now().Add(10 * time.Minute)})
	tlstest.Write(t, p.Certificate, next.Certificate)
	require.ErrorIs(t, f.Reload(), tlsfiles.ErrFiles, "the key is still to come")
	tlstest.Write(t, p.Key, next.Key)
	require.NoError(t, f.Reload())
	require.EqualValues(t, 1, f.Status().Reloads)
	require.WithinDuration(t, time.Now().Add(10*time.Minute), f.Status().NotAfter, time.Minute)
	require.Equal(t, 1, strings.Count(log.String(), "new connections use the changed TLS files"), log.String())

	require.Equal(t, 1, strings.Count(log.String(), "ends soon"), "a quarter of its time is not left: %s", log.String())
	require.NoError(t, f.Reload())
	require.Equal(t, 1, strings.Count(log.String(), "ends soon"), "and says so once a day")
}

// Watch finds a change by itself, also one that keeps the time and the size of the file.
func TestWatch(t *testing.T) {
	a := tlstest.New(t, "c")
	p := a.Node(1)
	f, err := tlsfiles.OpenNode(tlsfiles.Config{Paths: p, Interval: 5 * time.Millisecond}, "c", 1)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		f.Watch(ctx)
		close(ended)
	}()
	info, err := os.Stat(p.Authorities)
	require.NoError(t, err)
	text, err := os.ReadFile(p.Authorities)
	require.NoError(t, err)
	text[len(text)-40] ^= 1
	require.NoError(t, os.WriteFile(p.Authorities, text, 0o600))
	require.NoError(t, os.Chtimes(p.Authorities, info.ModTime(), info.ModTime()))
	require.Eventually(t, func() bool { return f.Status().Failures+f.Status().Reloads > 0 }, time.Minute, time.Millisecond)
	cancel()
	<-ended
}

// A certificate and its authority are replaced without a moment at which old and new ends
// cannot connect: first the bundle of both authorities, then the certificate, then the
// bundle of the new one.
func TestRotationOfAnAuthority(t *testing.T) {
	before, after := tlstest.New(t, "c"), tlstest.New(t, "c")
	one, two := before.Node(1), before.Node(2)
	files := []*tlsfiles.Files{openNode(t, one, 1), openNode(t, two, 2)}
	requireConnect := func(text string) {
		t.Helper()
		for i := range files {
			for _, err := range fold(connect(t, files[i].ServePeer("c"), files[1-i].DialPeer("c"))) {
				require.NoError(t, err, text)
			}
		}
	}
	replace := func(i int, p tlsfiles.Paths, write func(p tlsfiles.Paths)) {
		write(p)
		require.NoError(t, files[i].Reload())
	}
	both := append(append([]byte(nil), before.Certificate...), after.Certificate...)
	for i, p := range []tlsfiles.Paths{one, two} {
		replace(i, p, func(p tlsfiles.Paths) { tlstest.Write(t, p.Authorities, both) })
		requireConnect("one bundle, and then both")
	}
	for i, p := range []tlsfiles.Paths{one, two} {
		replace(i, p, func(p tlsfiles.Paths) {
			next := after.NodePair(op.NodeID(i+1), tlstest.Valid(time.Hour))
			tlstest.Write(t, p.Key, next.Key)
			tlstest.Write(t, p.Certificate, next.Certificate)
		})
		requireConnect("one certificate, and then both")
	}
	for i, p := range []tlsfiles.Paths{one, two} {
		replace(i, p, func(p tlsfiles.Paths) { tlstest.Write(t, p.Authorities, after.Certificate) })
		requireConnect("the old authority is removed here, and then there")
	}
	late := before.Node(2)
	late.Authorities = one.Authorities
	tlstest.Write(t, late.Authorities, both)
	refused, _ := connect(t, files[0].ServePeer("c"), openNode(t, late, 2).DialPeer("c"))
	require.ErrorContains(t, refused, "unknown authority", "the old authority is of the past")
}

func fold(a, b error) []error { return []error{a, b} }
