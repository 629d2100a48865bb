package textfn

import (
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	expr.Register(3539, formatText, expr.NonStrict, expr.IsStable)
	expr.Register(3540, formatText, expr.NonStrict, expr.IsStable)
}

// formatArg is one argument of format().
type formatArg struct {
	oid uint32
	d   data.Datum
}

// formatter walks a format string.
type formatter struct {
	c    *expr.Ctx
	f    string // what is left
	args []formatArg
	next int // the argument an unnumbered specifier takes
	out  []byte
}

func formatText(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() {
		return data.Null, nil
	}
	f := formatter{c: c, f: str(a, 0)}
	if len(a) > 1 {
		err := variadic(c, a, 1, func(oid uint32, d data.Datum) error {
			f.args = append(f.args, formatArg{oid, d})
			return nil
		})
		if err != nil {
			return data.Null, err
		}
	}
	for f.f != "" {
		i := strings.IndexByte(f.f, '%')
		if i < 0 {
			f.out = append(f.out, f.f...)
			break
		}
		f.out = append(f.out, f.f[:i]...)
		f.f = f.f[i+1:]
		if err := f.specifier(); err != nil {
			return data.Null, err
		}
	}
	return data.Bytes(c.Arena.Copy(f.out)), nil
}

func unterminated() error {
	return pgerr.New(pgerr.InvalidParameterValue, "unterminated format() type specifier").
		WithHint(`For a single "%" use "%%".`)
}

// specifier handles what follows a percent sign: [n$][-][width|*|*n$]type.
func (f *formatter) specifier() error {
	if f.f == "" {
		return unterminated()
	}
	if f.f[0] == '%' {
		f.out = append(f.out, '%')
		f.f = f.f[1:]
		return nil
	}
	arg := -1
	n, digits, err := f.number()
	if err != nil {
		return err
	}
	width, haveWidth := 0, false
	if digits && f.peek() == '$' {
		f.f = f.f[1:]
		if n == 0 {
			return pgerr.New(pgerr.InvalidParameterValue, "format specifies argument 0, but arguments are numbered from 1")
		}
		arg = n - 1
	} else if digits {
		width, haveWidth = n, true
	}
	leftAlign := false
	if !haveWidth {
		for f.peek() == '-' {
			leftAlign = true
			f.f = f.f[1:]
		}
		if width, err = f.width(); err != nil {
			return err
		}
	}
	if width < 0 {
		leftAlign, width = true, -width
	}
	if f.f == "" {
		return unterminated()
	}
	kind, w := utf8.DecodeRuneInString(f.f)
	f.f = f.f[w:]
	if kind != 's' && kind != 'I' && kind != 'L' {
		return pgerr.Newf(pgerr.InvalidParameterValue, `unrecognized format() type specifier "%c"`, kind).
			WithHint(`For a single "%" use "%%".`)
	}
	v, err := f.take(arg)
	if err != nil {
		return err
	}
	return f.convert(kind, v, width, leftAlign)
}

func (f *formatter) peek() byte {
	if f.f == "" {
		return 0
	}
	return f.f[0]
}

func (f *formatter) number() (n int, ok bool, err error) {
	for f.peek() >= '0' && f.peek() <= '9' {
		n = n*10 + int(f.f[0]-'0')
		if n > 1<<31-1 {
			return 0, false, pgerr.New(pgerr.NumericValueOutOfRange, "number is out of range")
		}
		f.f, ok = f.f[1:], true
	}
	return n, ok, nil
}

// width reads a number, * (the next argument) or *n$ (argument n).
func (f *formatter) width() (int, error) {
	if f.peek() != '*' {
		n, _, err := f.number()
		return n, err
	}
	f.f = f.f[1:]
	arg := -1
	n, digits, err := f.number()
	if err != nil {
		return 0, err
	}
	if digits {
		if f.peek() != '$' {
			return 0, pgerr.New(pgerr.InvalidParameterValue, "width argument position must be ended by \"$\"")
		}
		f.f = f.f[1:]
		if n == 0 {
			return 0, pgerr.New(pgerr.InvalidParameterValue, "format specifies argument 0, but arguments are numbered from 1")
		}
		arg = n - 1
	}
	v, err := f.take(arg)
	if err != nil || v.d.IsNull() {
		return 0, err
	}
	out, err := appendOut(f.c, nil, v.oid, v.d)
	if err != nil {
		return 0, err
	}
	d, err := types.Get(types.Int4).In(f.c.Types, string(out), -1)
	if err != nil {
		return 0, err
	}
	return int(d.Int()), nil
}

func (f *formatter) take(arg int) (formatArg, error) {
	if arg < 0 {
		arg = f.next
	}
	f.next = arg + 1
	if arg >= len(f.args) {
		return formatArg{}, pgerr.New(pgerr.InvalidParameterValue, "too few arguments for format()")
	}
	return f.args[arg], nil
}

func (f *formatter) convert(kind rune, v formatArg, width int, leftAlign bool) error {
	var s string
	if v.d.IsNull() {
		switch kind {
		case 'I':
			return pgerr.New(pgerr.NullValueNotAllowed, "null values cannot be formatted as an SQL identifier")
		case 'L':
			s = "NULL"
		}
	} else {
		out, err := appendOut(f.c, nil, v.oid, v.d)
		if err != nil {
			return err
		}
		s = string(out)
		switch kind {
		case 'I':
			s = types.QuoteIdent(s)
		case 'L':
			s = types.QuoteLiteral(s)
		}
	}
	pad := width - utf8.RuneCountInString(s)
	if pad > maxResultBytes {
		return tooLong()
	}
	if pad > 0 && !leftAlign {
		f.out = append(f.out, strings.Repeat(" ", pad)...)
	}
	f.out = append(f.out, s...)
	if pad > 0 && leftAlign {
		f.out = append(f.out, strings.Repeat(" ", pad)...)
	}
	return nil
}
