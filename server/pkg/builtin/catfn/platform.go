package catfn

import (
	"runtime"
	"strings"
)

// platform names the machine as PostgreSQL's version() does.
var platform = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-" + runtime.GOOS

// splitIdentifiers reads a comma-separated list of identifiers as settings
// hold them: lower-cased unless quoted.
func splitIdentifiers(s string) []string {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(strings.TrimPrefix(s, ",")) {
		if s[0] != '"' {
			name, _, _ := strings.Cut(s, ",")
			s = s[len(name):]
			out = append(out, strings.ToLower(strings.TrimSpace(name)))
			continue
		}
		var name strings.Builder
		for s = s[1:]; s != ""; s = s[1:] {
			if s[0] == '"' {
				if len(s) < 2 || s[1] != '"' {
					s = strings.TrimSpace(s[1:])
					break
				}
				s = s[1:]
			}
			name.WriteByte(s[0])
		}
		out = append(out, name.String())
	}
	return out
}
