package access_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
)

// Each role may take the actions of its line, and no others.
func TestRolesMayTakeActions(t *testing.T) {
	all := []access.Action{access.Read, access.Propose, access.Define, access.Retire, access.Backup, access.Reconfigure}
	for role, may := range map[access.Role]string{
		access.None:   "",
		access.Reader: "read",
		access.Writer: "read propose",
		access.Admin:  "read propose define retire backup reconfigure",
	} {
		var found []string
		for _, a := range all {
			if (access.Principal{Role: role}).May(a) {
				found = append(found, a.String())
			}
		}
		require.Equal(t, may, strings.Join(found, " "), role)
	}
}

// An operation is told by its content, and not by the path that it comes by.
func TestActionsOfRequests(t *testing.T) {
	for _, c := range []struct {
		r    op.Request
		want access.Action
	}{
		{op.Request{Kind: op.Read, Key: "lifecycle/a"}, access.Read},
		{op.Request{Kind: op.ReadLocal, Key: "lifecycle/a"}, access.Read},
		{op.Request{Kind: op.Read, Key: "definition/lamp"}, access.Read},
		{op.Request{Kind: op.Propose, Key: "lifecycle/a", To: "Running"}, access.Propose},
		{op.Request{Kind: op.Propose, Key: "lifecycle/a", To: fsm.Retired}, access.Retire},
		{op.Request{Kind: op.Propose, Key: "definition/lamp", To: "{}"}, access.Define},
		{op.Request{Kind: op.Propose, Key: "definition/lamp", To: fsm.Retired}, access.Define},
		{op.Request{Kind: op.Propose, Key: "definitions/lamp", To: "on"}, access.Propose},
	} {
		require.Equal(t, c.want, access.ActionOf(&c.r), "%v", &c.r)
	}
}

// A principal is named with its source, as in audit lines.
func TestNamesOfPrincipals(t *testing.T) {
	require.Equal(t, "certificate web", access.Principal{Source: access.Certificate, Name: "web"}.String())
	require.Equal(t, "anonymous", access.Principal{}.String())
}

// A client that shows nothing may do all only where no client can show anything.
func TestAnonymousRole(t *testing.T) {
	for _, c := range []struct {
		configured   string
		namesClients bool
		want         access.Role
	}{
		{"", false, access.Admin}, {"", true, access.None},
		{"reader", true, access.Reader}, {"reader", false, access.Reader}, {"none", false, access.None}, {"admin", true, access.Admin},
	} {
		role, err := access.AnonymousRole(c.configured, c.namesClients)
		require.NoError(t, err)
		require.Equal(t, c.want, role, "%+v", c)
	}
	for _, name := range []string{"peer", "root", "Admin", " "} {
		_, err := access.AnonymousRole(name, false)
		require.ErrorIs(t, err, access.ErrRole, name)
	}
}

func TestBearer(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    string
		err     string
	}{
		{nil, "", ""},
		{[]string{"Bearer abc"}, "abc", ""},
		{[]string{"bearer  abc "}, "abc", ""},
		{[]string{"Basic abc"}, "", "want Bearer TOKEN"},
		{[]string{"Bearer"}, "", "want Bearer TOKEN"},
		{[]string{""}, "", "want Bearer TOKEN"},
		{[]string{"Bearer a", "Bearer b"}, "", "given 2 times"},
	} {
		token, err := access.Bearer(c.headers)
		require.Equal(t, c.want, token, "%q", c.headers)
		if c.err == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, access.ErrCredentials)
		require.ErrorContains(t, err, c.err)
	}
}

// A token is found by its text alone, and a file has no text of any.
func TestTokens(t *testing.T) {
	web, old, boss := access.Secret{1}.Text(), access.Secret{2}.Text(), access.Secret{3}.Text()
	require.Regexp(t, "^lockstep_[A-Za-z0-9_-]{43}$", web)
	file := strings.Join([]string{
		"# tokens of the test cluster", "",
		access.TokenLine(access.Writer, "web", web), access.TokenLine(access.Writer, "web", old),
		"  " + access.TokenLine(access.Admin, "boss", boss) + "\r",
	}, "\n")
	require.NotContains(t, file, web)
	tokens, err := access.ParseTokens(file)
	require.NoError(t, err)
	require.Equal(t, 3, tokens.Len())
	for text, want := range map[string]access.Principal{
		web:  {Source: access.Token, Name: "web", Role: access.Writer},
		old:  {Source: access.Token, Name: "web", Role: access.Writer},
		boss: {Source: access.Token, Name: "boss", Role: access.Admin},
	} {
		p, found := tokens.Find(text)
		require.True(t, found)
		require.Equal(t, want, p)
		require.True(t, tokens.Holds(p))
	}
	for _, text := range []string{"", web[:len(web)-1], web + "a", strings.ToUpper(web), access.Secret{4}.Text(), strings.Fields(access.TokenLine(access.Writer, "web", web))[2]} {
		_, found := tokens.Find(text)
		require.False(t, found, text)
	}
	require.False(t, tokens.Holds(access.Principal{Source: access.Token, Name: "web", Role: access.Admin}))
	require.False(t, tokens.Holds(access.Principal{Source: access.Certificate, Name: "web", Role: access.Writer}))
}

// The error of a file names the line and the remedy, and repeats none of its words.
func TestTokensRefused(t *testing.T) {
	good := access.TokenLine(access.Reader, "web", "x")
	for _, c := range []struct{ text, want string }{
		{"reader web", "line 1: "},
		{"reader web sha256:00 more", "4 words: want ROLE NAME sha256:HEX"},
		{"\n\nroot web sha256:00", "line 3: not a file of tokens: the first word: want reader, writer or admin"},
		{"none web sha256:00", "the first word"},
		{"peer web sha256:00", "the first word"},
		{"reader w/b sha256:00", "the second word is no name"},
		{"reader web sha256:00", "the third word: want sha256: and 64 hexadecimal digits"},
		{strings.Replace(good, "sha256", "sha512", 1), "the third word"},
		{strings.Replace(good, "sha256:", "", 1), "the third word"},
		{good + "\n" + good, "line 2: not a file of tokens: the token of web is listed before"},
		{good + "\n" + access.TokenLine(access.Admin, "web", "y"), "web is listed before as reader"},
		{strings.Repeat("x", access.MaxTokenBytes+1), "want at most"},
	} {
		_, err := access.ParseTokens(c.text)
		require.ErrorIs(t, err, access.ErrTokens, c.text)
		require.ErrorContains(t, err, c.want)
		require.NotContains(t, err.Error(), strings.TrimPrefix(strings.Fields(good)[2], "sha256:"))
	}
	var many strings.Builder
	for i := range access.MaxTokens + 1 {
		fmt.Fprintln(&many, access.TokenLine(access.Reader, "web", fmt.Sprint(i)))
	}
	_, err := access.ParseTokens(many.String())
	require.ErrorContains(t, err, "more than 1024 tokens")
}

// A token is found with the role and the name of its line.
func TestTokenLineIsParsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		role := rapid.SampledFrom([]access.Role{access.Reader, access.Writer, access.Admin}).Draw(t, "role")
		name := rapid.StringMatching(`[A-Za-z0-9._-]{1,20}`).Draw(t, "name")
		text := rapid.String().Draw(t, "token")
		tokens, err := access.ParseTokens(access.TokenLine(role, name, text))
		require.NoError(t, err)
		p, found := tokens.Find(text)
		require.True(t, found)
		require.Equal(t, access.Principal{Source: access.Token, Name: name, Role: role}, p)
	})
}
