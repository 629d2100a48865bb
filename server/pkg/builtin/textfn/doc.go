// Package textfn registers the functions on text, varchar, bpchar, name and
// bytea that are not comparison or input and output: lengths, substrings,
// case, trimming, padding, searching, LIKE, regular expressions, format and
// quoting.
//
// Characters are UTF-8 code points. Letters have case only in ASCII, as in
// PostgreSQL's C locale, which is the only one here. Regular expressions are
// PostgreSQL's advanced ones as far as they can be translated faithfully (see
// regex.go); the rest answers 0A000.
package textfn

import (
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// maxResultBytes is the largest value a function may build (PostgreSQL's
// MaxAllocSize).
const maxResultBytes = 0x3fffffff

func tooLong() error {
	return pgerr.New(pgerr.ProgramLimitExceeded, "requested length too large")
}

func text(s string) data.Datum { return data.String(s) }

// str returns argument i as a borrowed string.
func str(a []data.Datum, i int) string { return a[i].Str() }

func integer(n int) data.Datum { return data.Int(int64(n)) }

// register names several OIDs of one implementation.
func register(fn expr.Func, oids ...uint32) {
	for _, oid := range oids {
		expr.Register(oid, fn)
	}
}

// charOffset returns the byte offset of character n of s (0-based), or len(s)
// when s is shorter.
func charOffset(s string, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, w := utf8.DecodeRuneInString(s[at:])
		at += w
	}
	return at
}

func lowerASCII(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

func upperASCII(b byte) byte {
	if b >= 'a' && b <= 'z' {
		return b - ('a' - 'A')
	}
	return b
}

func isAlnumASCII(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
