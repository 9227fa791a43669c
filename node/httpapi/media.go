package httpapi

import "strings"

// Media types of bodies.
const (
	JSON = "application/json"
	YAML = "application/yaml"
)

// MediaType returns the media type in a header Content-Type, in small letters. It is
// empty if a parameter names another character set than UTF-8, or there are several
// headers.
func MediaType(headers []string) string {
	if len(headers) != 1 {
		return ""
	}
	kind, parameters, _ := strings.Cut(headers[0], ";")
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "charset") && !strings.EqualFold(strings.Trim(value, `"`), "utf-8") {
			return ""
		}
	}
	return strings.ToLower(strings.TrimSpace(kind))
}
