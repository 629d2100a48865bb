package types

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// NameLen is the number of bytes a name keeps (NAMEDATALEN - 1).
const NameLen = 63

// maxCharLen is the largest n of varchar(n) and char(n).
const maxCharLen = 10485760

func init() {
	text := family{
		in: textIn, out: textOut, recv: textRecv, send: textSend, compare: textCompare, prefix: textPrefix, hash: textHash,
	}
	setFamily(&text, Text, Unknown, CString, RefCursor)

	varchar := text
	varchar.in = func(_ *Type, c *Ctx, s string, typmod int32) (data.Datum, error) {
		s, err := FitVarchar(s, typmod, false)
		return c.Arena.CopyString(s), err
	}
	varchar.recv = func(t *Type, c *Ctx, b []byte, typmod int32) (data.Datum, error) {
		if err := CheckUTF8(b); err != nil {
			return data.Null, err
		}
		return t.fam.in(t, c, string(b), typmod)
	}
	varchar.typmodIn = charTypmodIn("varchar")
	varchar.typmodOut = charTypmodOut
	setFamily(&varchar, Varchar)

	bpchar := varchar
	bpchar.in = func(_ *Type, c *Ctx, s string, typmod int32) (data.Datum, error) {
		return FitBpchar(c.Arena, s, typmod, false)
	}
	bpchar.compare = func(_ *Type, a, b data.Datum) int {
		return bytes.Compare(TrimBlanks(a.Bytes()), TrimBlanks(b.Bytes()))
	}
	bpchar.prefix = func(d data.Datum) uint64 { return textPrefix(data.Bytes(TrimBlanks(d.Bytes()))) }
	bpchar.hash = func(_ *Type, d data.Datum) uint64 { return hashBytes(hashSeed, TrimBlanks(d.Bytes())) }
	bpchar.typmodIn = charTypmodIn("char")
	setFamily(&bpchar, BpChar)

	name := text
	name.in = func(_ *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
		return c.Arena.CopyString(TruncateName(s)), nil
	}
	setFamily(&name, Name)

	setFamily(&family{
		in: charIn, out: charOut, recv: charRecv, send: textSend, compare: textCompare, prefix: textPrefix, hash: textHash,
	}, Char)

	noInput := func(name string) func(*Type, *Ctx, string, int32) (data.Datum, error) {
		return func(*Type, *Ctx, string, int32) (data.Datum, error) {
			return data.Null, pgerr.Newf(pgerr.FeatureNotSupportedCode, "cannot accept a value of type %s", name)
		}
	}
	setFamily(&family{in: noInput("pg_node_tree"), out: textOut, send: textSend}, PgNodeTree)
	setFamily(&family{
		in:  func(*Type, *Ctx, string, int32) (data.Datum, error) { return data.Bytes(nil), nil },
		out: func(_ *Type, _ *Ctx, dst []byte, _ data.Datum) []byte { return dst },
		send: func(_ *Type, _ *Ctx, dst []byte, _ data.Datum) ([]byte, error) {
			return dst, nil
		},
	}, Void)
}

func textIn(_ *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
	return c.Arena.CopyString(s), nil
}

func textOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte { return append(dst, d.Bytes()...) }

func textRecv(_ *Type, c *Ctx, b []byte, _ int32) (data.Datum, error) {
	if err := CheckUTF8(b); err != nil {
		return data.Null, err
	}
	return data.Bytes(c.Arena.Copy(b)), nil
}

func textSend(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	return append(dst, d.Bytes()...), nil
}

func textCompare(_ *Type, a, b data.Datum) int { return bytes.Compare(a.Bytes(), b.Bytes()) }

func textHash(_ *Type, d data.Datum) uint64 { return hashBytes(hashSeed, d.Bytes()) }

// CheckUTF8 gives 22021 for bytes that are not UTF-8 or hold a zero.
func CheckUTF8(b []byte) error {
	if utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return nil
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 || b[i] == 0 {
			seq := b[i:min(len(b), i+sequenceLen(b[i]))]
			var sb strings.Builder
			for _, c := range seq {
				const hex = "0123456789abcdef"
				sb.WriteString(" 0x")
				sb.WriteByte(hex[c>>4])
				sb.WriteByte(hex[c&15])
			}
			return pgerr.New(pgerr.CharacterNotInRepertoire,
				"invalid byte sequence for encoding \"UTF8\":"+sb.String())
		}
		i += n
	}
	return nil
}

// sequenceLen is how many bytes a UTF-8 sequence that starts with c claims to have.
func sequenceLen(c byte) int {
	switch {
	case c&0xE0 == 0xC0:
		return 2
	case c&0xF0 == 0xE0:
		return 3
	case c&0xF8 == 0xF0:
		return 4
	}
	return 1
}

// TrimBlanks cuts the blanks at the end of a char(n) value.
func TrimBlanks(b []byte) []byte {
	n := len(b)
	for n > 0 && b[n-1] == ' ' {
		n--
	}
	return b[:n]
}

// TruncateName cuts s to what a name holds, at a character's boundary.
func TruncateName(s string) string {
	if len(s) <= NameLen {
		return s
	}
	n := NameLen
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// CharCount is the number of characters, counting each invalid byte as one.
func CharCount(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return utf8.RuneCountInString(s)
		}
	}
	return len(s)
}

// CharOffset is the byte offset of character n (from 0), len(s) if there are fewer.
func CharOffset(s string, n int) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, w := utf8.DecodeRuneInString(s[i:])
		i += w
	}
	return i
}

// fit cuts s to n characters; only blanks may be lost unless explicit.
func fit(s string, n int, explicit bool, typeName string) (string, error) {
	if len(s) <= n {
		return s, nil
	}
	at := CharOffset(s, n)
	if !explicit && strings.TrimLeft(s[at:], " ") != "" {
		return "", pgerr.Newf(pgerr.StringDataRightTruncation,
			"value too long for type %s(%d)", typeName, n)
	}
	return s[:at], nil
}

// FitVarchar applies varchar(n). An explicit cast cuts silently.
func FitVarchar(s string, typmod int32, explicit bool) (string, error) {
	if typmod < 4 {
		return s, nil
	}
	return fit(s, int(typmod-4), explicit, "character varying")
}

// FitBpchar applies char(n): it cuts as FitVarchar does and pads with blanks.
func FitBpchar(a *data.Arena, s string, typmod int32, explicit bool) (data.Datum, error) {
	if typmod < 4 {
		return a.CopyString(s), nil
	}
	n := int(typmod - 4)
	s, err := fit(s, n, explicit, "character")
	if err != nil {
		return data.Null, err
	}
	pad := max(0, n-CharCount(s))
	b := a.Bytes(len(s) + pad)
	copy(b, s)
	for i := len(s); i < len(b); i++ {
		b[i] = ' '
	}
	return data.Bytes(b), nil
}

func charTypmodIn(name string) func(*Type, []string) (int32, error) {
	return func(_ *Type, mods []string) (int32, error) {
		v, err := typmodInts(mods)
		if err != nil {
			return -1, err
		}
		switch {
		case len(v) != 1:
			return -1, pgerr.New(pgerr.InvalidParameterValue, "invalid type modifier")
		case v[0] < 1:
			return -1, pgerr.Newf(pgerr.InvalidParameterValue, "length for type %s must be at least 1", name)
		case v[0] > maxCharLen:
			return -1, pgerr.Newf(pgerr.InvalidParameterValue,
				"length for type %s cannot exceed %d", name, maxCharLen)
		}
		return v[0] + 4, nil
	}
}

func charTypmodOut(typmod int32) string {
	if typmod <= 4 {
		return ""
	}
	return "(" + itoa(int64(typmod-4)) + ")"
}

// "char" is one byte. Bytes above 127 are written and read as \ooo; a zero byte is
// written as the empty string.
func charIn(_ *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
	b := c.Arena.Bytes(1)
	b[0] = CharFromText(s)
	return data.Bytes(b), nil
}

// CharFromText is the byte that text becomes as "char".
func CharFromText(s string) byte {
	if len(s) == 4 && s[0] == '\\' && octal(s[1]) && octal(s[2]) && octal(s[3]) {
		return (s[1]-'0')<<6 | (s[2]-'0')<<3 | (s[3] - '0')
	}
	if s == "" {
		return 0
	}
	return s[0]
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

func charOut(_ *Type, _ *Ctx, dst []byte, d data.Datum) []byte {
	c := d.Bytes()[0]
	switch {
	case c == 0:
		return dst
	case c >= utf8.RuneSelf:
		return append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
	}
	return append(dst, c)
}

func charRecv(_ *Type, c *Ctx, b []byte, _ int32) (data.Datum, error) {
	if len(b) < 1 {
		return data.Null, errShortMessage()
	}
	if len(b) > 1 {
		return data.Null, errLongMessage()
	}
	return data.Bytes(c.Arena.Copy(b)), nil
}
