package ast

import "strconv"

// DefElemText is the value of an option as text: a constant's text, a type or
// dotted name's last part, "true" or "false" for a Boolean, "" for no value.
func DefElemText(d *DefElem) string {
	switch v := d.Arg.(type) {
	case *String:
		return v.Sval
	case *Integer:
		return strconv.Itoa(int(v.Ival))
	case *Float:
		return v.Fval
	case *Boolean:
		return strconv.FormatBool(v.Boolval)
	case *TypeName:
		if names := Strings(v.Names); len(names) > 0 {
			return names[len(names)-1]
		}
	case *A_Star:
		return "*"
	}
	return ""
}
