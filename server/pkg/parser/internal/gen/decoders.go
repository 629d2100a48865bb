package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// decoders renders the reader of each message and the one that tells a Node's
// alternatives apart.
func (m *model) decoders() []string {
	var b strings.Builder
	b.WriteString("// node decodes the Node message b, nil when it is empty.\n")
	b.WriteString("func (d *decoder) node(b []byte) ast.Node {\n")
	b.WriteString("field, v, _ := d.next(b)\nif field == 0 {\nreturn nil\n}\n")
	b.WriteString("switch field {\n")
	for i := range m.node.Fields().Len() {
		f := m.node.Fields().Get(i)
		name := string(f.Message().Name())
		if skippedMessages[name] {
			continue
		}
		fmt.Fprintf(&b, "case %d:\nreturn d.decode%s(v.bytes)\n", f.Number(), name)
	}
	b.WriteString("}\nd.refuse(field)\nreturn nil\n}\n")
	out := []string{b.String(), m.refusedNames()}
	for _, msg := range m.messages {
		out = append(out, m.decoder(msg))
	}
	return out
}

// refusedNames maps the alternatives of Node that are not decoded to names.
func (m *model) refusedNames() string {
	var b strings.Builder
	b.WriteString("// refusedNodes names the alternatives of Node that PostgreSQL 15 does not have.\n")
	b.WriteString("var refusedNodes = map[int]string{\n")
	for i := range m.node.Fields().Len() {
		f := m.node.Fields().Get(i)
		if skippedMessages[string(f.Message().Name())] {
			fmt.Fprintf(&b, "%d: %q,\n", f.Number(), f.Message().Name())
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func (m *model) decoder(msg protoreflect.MessageDescriptor) string {
	var b strings.Builder
	name := string(msg.Name())
	fs := fields(msg)
	if len(fs) == 0 {
		return fmt.Sprintf("func (*decoder) decode%s([]byte) *ast.%s { return new(ast.%s) }\n", name, name, name)
	}
	fmt.Fprintf(&b, "func (d *decoder) decode%s(b []byte) *ast.%s {\nm := new(ast.%s)\n", name, name, name)
	b.WriteString("for len(b) > 0 {\nvar f int\nvar v value\nf, v, b = d.next(b)\nswitch f {\n")
	for _, f := range fs {
		fmt.Fprintf(&b, "case %d:\n", f.Number())
		target := "m." + goName(f)
		if f.ContainingOneof() != nil {
			target = "m.Val"
		}
		expr := decodeExpr(f)
		switch {
		case f.IsList() && f.Kind() != protoreflect.MessageKind:
			panic("repeated scalar " + string(f.FullName()))
		case f.IsList():
			fmt.Fprintf(&b, "%s = append(%s, %s)\n", target, target, expr)
		default:
			fmt.Fprintf(&b, "%s = %s\n", target, expr)
		}
	}
	b.WriteString("}\n}\nreturn m\n}\n")
	return b.String()
}

func decodeExpr(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return "v.num != 0"
	case protoreflect.StringKind:
		return "string(v.bytes)"
	case protoreflect.DoubleKind:
		return "v.float()"
	case protoreflect.EnumKind:
		return fmt.Sprintf("ast.%s(v.enum())", f.Enum().Name())
	case protoreflect.MessageKind:
		if f.Message().Name() == "Node" {
			return "d.node(v.bytes)"
		}
		return fmt.Sprintf("d.decode%s(v.bytes)", f.Message().Name())
	default:
		return fmt.Sprintf("%s(v.num)", f.Kind())
	}
}
