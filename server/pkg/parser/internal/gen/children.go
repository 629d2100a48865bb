package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// children renders each node's enumeration of the nodes right below it.
func (m *model) children() []string {
	var out []string
	for _, msg := range m.messages {
		var b strings.Builder
		name := string(msg.Name())
		recv := "n *" + name
		body := ""
		for _, f := range fields(msg) {
			if f.Kind() != protoreflect.MessageKind {
				continue
			}
			field := "n." + goName(f)
			if f.ContainingOneof() != nil {
				if !strings.Contains(body, "n.Val") {
					body += "if n.Val != nil {\nf(n.Val)\n}\n"
				}
				continue
			}
			if f.IsList() {
				body += fmt.Sprintf("for _, c := range %s {\nif c != nil {\nf(c)\n}\n}\n", field)
			} else {
				body += fmt.Sprintf("if %s != nil {\nf(%s)\n}\n", field, field)
			}
		}
		arg := "f"
		if body == "" {
			recv, arg = "*"+name, "_"
		}
		fmt.Fprintf(&b, "// Children calls f for each node right below n.\nfunc (%s) Children(%s func(Node)) {\n%s}\n", recv, arg, body)
		out = append(out, b.String())
	}
	return out
}
