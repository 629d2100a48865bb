package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// structs renders one declaration a node: the struct and its Node methods.
func (m *model) structs() []string {
	var out []string
	for _, msg := range m.messages {
		var b strings.Builder
		name := string(msg.Name())
		fmt.Fprintf(&b, "// %s is PostgreSQL's node of that name.\ntype %s struct {\n", name, name)
		location := false
		oneof := false
		for _, f := range fields(msg) {
			if f.ContainingOneof() != nil {
				if !oneof {
					b.WriteString("\t// Val is an *Integer, *Float, *Boolean, *String or *BitString.\n")
					b.WriteString("\tVal Node\n")
				}
				oneof = true
				continue
			}
			location = location || f.Name() == "location" && f.Kind() == protoreflect.Int32Kind
			fmt.Fprintf(&b, "\t%s %s\n", goName(f), goType(f))
		}
		b.WriteString("}\n\n")
		fmt.Fprintf(&b, "// Tag returns %q.\nfunc (*%s) Tag() string { return %q }\n\n", name, name, name)
		if location {
			fmt.Fprintf(&b, "// Pos returns Location.\nfunc (n *%s) Pos() int32 { return n.Location }\n", name)
		} else {
			fmt.Fprintf(&b, "// Pos returns -1: the node has no location.\nfunc (*%s) Pos() int32 { return -1 }\n", name)
		}
		out = append(out, b.String())
	}
	return out
}

// enumDecls renders one declaration an enum, with PostgreSQL's own values:
// the protobuf ones are greater by one because 0 means "not set" there.
func (m *model) enumDecls() []string {
	var out []string
	for _, e := range m.enums {
		var b strings.Builder
		fmt.Fprintf(&b, "// %s is PostgreSQL's enum of that name.\ntype %s int32\n\n", e.Name(), e.Name())
		fmt.Fprintf(&b, "// Values of %s.\nconst (\n", e.Name())
		for i := range e.Values().Len() {
			v := e.Values().Get(i)
			if v.Number() == 0 {
				continue
			}
			fmt.Fprintf(&b, "\t%s %s = %d\n", v.Name(), e.Name(), v.Number()-1)
		}
		b.WriteString(")\n")
		out = append(out, b.String())
	}
	return out
}

// goName is the field's name as Go exports it (target_list is TargetList).
func goName(f protoreflect.FieldDescriptor) string {
	var b strings.Builder
	up := true
	for _, c := range string(f.Name()) {
		switch {
		case c == '_':
			up = true
		case up:
			b.WriteString(strings.ToUpper(string(c)))
			up = false
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func goType(f protoreflect.FieldDescriptor) string {
	t := ""
	switch f.Kind() {
	case protoreflect.BoolKind:
		t = "bool"
	case protoreflect.StringKind:
		t = "string"
	case protoreflect.DoubleKind:
		t = "float64"
	case protoreflect.EnumKind:
		t = string(f.Enum().Name())
	case protoreflect.MessageKind:
		t = "*" + string(f.Message().Name())
		if f.Message().Name() == "Node" {
			t = "Node"
		}
	default:
		t = f.Kind().String()
	}
	if f.IsList() {
		t = "[]" + t
	}
	return t
}
