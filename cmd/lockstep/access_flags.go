package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/spf13/pflag"
)

// accessFlags adds the flags of nodes about the rights and the shares of clients.
func accessFlags(f *pflag.FlagSet, a *server.Access, l *server.Limits) {
	f.StringVar(&a.Tokens, "tokens", "", "file of the tokens of clients, which lockstep token makes; it is read again when it changes")
	f.StringVar(&a.Anonymous, "anonymous", "", "role of clients that show no token or certificate: none, reader, writer or admin (default: admin, and none with --tokens or TLS)")
	f.StringVar(&a.Metrics, "metrics-role", "", "role that /metrics asks for (default: none)")
	f.StringSliceVar(&a.Hosts, "http-host", nil, "names by which clients address this node, besides IP addresses, localhost and the name in --http, as in node1.example.org,lb.example.org")
	f.IntVar(&l.ClientRate, "client-rate", server.DefaultClientRate, "requests a second of one client, which is a name, or an address if it has none; as many may come at once")
	f.IntVar(&l.ClientRequests, "client-requests", server.DefaultClientRequests, "requests of one client that may wait for the node")
	f.IntVar(&l.ClientWatches, "client-watches", server.DefaultClientWatches, "watches of one client")
	f.IntVar(&l.ClientBytes, "client-bytes", server.DefaultClientBytes, "bytes of one client's requests that wait for the node, and of their responses")
}

// tokenVariable is the environment variable with the token of client commands.
const tokenVariable = "LOCKSTEP_TOKEN"

// readToken returns the token in a file, or if there is no name of one, in the
// environment. Errors do not repeat it.
func readToken(file string) (string, error) {
	text, source := os.Getenv(tokenVariable), tokenVariable
	if file != "" {
		var err error
		if text, err = server.ReadPrivateFile(file, access.MaxTokenBytes); err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		source = "--token-file: " + file
	}
	token := strings.TrimSpace(text)
	if file != "" && token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s: want one token, as lockstep token prints it, and nothing else", source)
	}
	return token, nil
}
