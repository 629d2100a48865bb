package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// codes say how a column's values are written; see package catalog, imagefile.go.
var codes = map[string]byte{
	"oid": 'i', "int2": 'i', "int4": 'i', "int8": 'i', "xid": 'i', "regproc": 'i',
	"bool": 'b', "float4": 'f',
	"name": 's', "text": 's', "char": 'c', "pg_node_tree": 's',
	"int2vector": 'h', "oidvector": 'o', "_int2": 'H', "_oid": 'O',
	"_text": 'T', "_char": 'C',
	"_aclitem": 'P',
	"anyarray": 's', "timestamptz": 's',
}

// relation appends one relation: OID, columns, rows and the compressed values, column by column.
func (e *exporter) relation(file []byte, r relation) ([]byte, error) {
	names, types, err := e.columns(r.name)
	if err != nil {
		return nil, err
	}
	sel := make([]string, len(names))
	for i, n := range names {
		switch x, ok := r.expr[n]; {
		case ok:
			sel[i] = x
		case types[i] == "regproc":
			sel[i] = n + "::oid"
		default:
			sel[i] = n
		}
	}
	sql := "SELECT " + strings.Join(sel, ", ") + " FROM pg_catalog." + r.name
	if r.where != "" {
		sql += " WHERE " + r.where
	}
	rows, err := e.query(sql + " ORDER BY " + r.order)
	if err != nil {
		return nil, err
	}
	relid, err := e.query("SELECT 'pg_catalog." + r.name + "'::regclass::oid")
	if err != nil {
		return nil, err
	}
	oid, err := atou32(string(relid[0][0]))
	if err != nil {
		return nil, err
	}
	var raw []byte
	file = binary.AppendUvarint(file, uint64(oid))
	file = binary.AppendUvarint(file, uint64(len(names)))
	for c, t := range types {
		code, ok := codes[t]
		if !ok {
			return nil, fmt.Errorf("column %s has type %s", names[c], t)
		}
		file = append(file, code)
		for _, row := range rows {
			if raw, err = e.value(raw, code, row[c]); err != nil {
				return nil, fmt.Errorf("column %s: %w", names[c], err)
			}
		}
	}
	packed, err := compress(raw)
	if err != nil {
		return nil, err
	}
	file = binary.AppendUvarint(file, uint64(len(rows)))
	file = binary.AppendUvarint(file, uint64(len(raw)))
	file = binary.AppendUvarint(file, uint64(len(packed)))
	fmt.Printf("%-20s %5d rows %8d bytes, %7d packed\n", r.name, len(rows), len(raw), len(packed))
	return append(file, packed...), nil
}

func compress(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// value appends one value: a zero byte for NULL, else a one byte and the value.
func (e *exporter) value(dst []byte, code byte, v []byte) ([]byte, error) {
	if v == nil {
		return append(dst, 0), nil
	}
	dst = append(dst, 1)
	switch code {
	case 'i':
		n, err := strconv.ParseInt(string(v), 10, 64)
		return binary.AppendVarint(dst, n), err
	case 'b':
		if string(v) == "t" {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	case 'f':
		f, err := strconv.ParseFloat(string(v), 32)
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(f))), err
	case 'c': // the empty "char" is a zero byte
		return append(dst, append(v, 0)[0]), nil
	case 's':
		return appendString(dst, v), nil
	case 'h', 'o', 'H', 'O':
		return appendInts(dst, string(v))
	case 'T', 'C':
		elems, err := splitArray(string(v))
		dst = binary.AppendUvarint(dst, uint64(len(elems)))
		for _, s := range elems {
			dst = appendString(dst, []byte(s))
		}
		return dst, err
	case 'P':
		return e.acl(dst, string(v))
	}
	return nil, fmt.Errorf("no code %c", code)
}

func appendString(dst, s []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendInts writes an int2vector or oidvector (space separated) or an int2[] or oid[] (in braces).
func appendInts(dst []byte, v string) ([]byte, error) {
	v = strings.Trim(v, "{}")
	f := strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' })
	dst = binary.AppendUvarint(dst, uint64(len(f)))
	for _, s := range f {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, err
		}
		dst = binary.AppendVarint(dst, n)
	}
	return dst, nil
}

// splitArray takes a one-dimensional array's text form apart. NULL elements do not occur in the catalogs.
func splitArray(v string) ([]string, error) {
	if len(v) < 2 || v[0] != '{' {
		return nil, fmt.Errorf("array %q", v)
	}
	var elems []string
	var cur strings.Builder
	quoted, any := false, false
	for i := 1; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\':
			i++
			cur.WriteByte(v[i])
		case c == '"':
			quoted, any = !quoted, true
		case !quoted && (c == ',' || c == '}'):
			if any || cur.Len() > 0 {
				elems = append(elems, cur.String())
			}
			cur.Reset()
			any = false
		default:
			cur.WriteByte(c)
		}
	}
	return elems, nil
}

// aclLetters are PostgreSQL's privilege letters in order of their bits.
const aclLetters = "arwdDxtXUCTcsA"

// acl writes an aclitem[]: count, then grantee, grantor and the privilege bits with grant options in the upper half.
func (e *exporter) acl(dst []byte, v string) ([]byte, error) {
	items, err := splitArray(v)
	if err != nil {
		return nil, err
	}
	dst = binary.AppendUvarint(dst, uint64(len(items)))
	for _, it := range items {
		grantee, rest, _ := strings.Cut(it, "=")
		letters, grantor, _ := strings.Cut(rest, "/")
		var bits uint32
		for i := 0; i < len(letters); i++ {
			n := strings.IndexByte(aclLetters, letters[i])
			if n < 0 {
				return nil, fmt.Errorf("acl %q", it)
			}
			bits |= 1 << n
			if i+1 < len(letters) && letters[i+1] == '*' {
				bits |= 1 << (n + 16)
				i++
			}
		}
		for _, role := range []string{grantee, grantor} {
			oid, ok := e.roles[role]
			if !ok && role != "" {
				return nil, fmt.Errorf("acl %q names an unknown role", it)
			}
			dst = binary.AppendUvarint(dst, uint64(oid))
		}
		dst = binary.AppendUvarint(dst, uint64(bits))
	}
	return dst, nil
}

func atou32(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}
