package settings

import (
	"regexp"

	"github.com/spf13/pflag"
)

// hidden takes the place of the value of a secret setting.
const hidden = "(hidden)"

// secret matches the names of settings that hold a secret. The name of a file with a
// secret is none.
var secret = regexp.MustCompile(`(^|-)(token|password|passphrase|secret|credentials?)$`)

func isSecret(name string) bool { return secret.MatchString(name) }

// shown returns the text of a value for people.
func shown(f *pflag.Flag, value string) string {
	if isSecret(f.Name) && value != "" {
		return hidden
	}
	return value
}
