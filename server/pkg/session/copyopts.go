package session

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/settings"
)

// copyOptions are COPY's, checked.
type copyOptions struct {
	csv, binary        bool
	freeze             bool
	header, match      bool
	delim              byte
	null               string
	quote, escape      byte
	forceQuote         []string
	forceQuoteAll      bool
	forceNotNull       []string
	forceNull          []string
	delimSet, nullSet  bool
	quoteText, escText *string
}

func copyOptionsOf(n *ast.CopyStmt) (*copyOptions, error) {
	o := &copyOptions{}
	seen := map[string]bool{}
	delim := ""
	for _, e := range n.Options {
		d := e.(*ast.DefElem)
		if seen[d.Defname] {
			return nil, pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").AtByte(d.Location)
		}
		seen[d.Defname] = true
		text := ast.DefElemText(d)
		var err error
		switch d.Defname {
		case "format":
			switch text {
			case "text":
			case "csv":
				o.csv = true
			case "binary":
				o.binary = true
			default:
				err = pgerr.Newf(pgerr.InvalidParameterValue, `COPY format "%s" not recognized`, text).AtByte(d.Location)
			}
		case "freeze":
			o.freeze, err = defBool(d)
		case "delimiter":
			delim, o.delimSet = text, true
		case "null":
			o.null, o.nullSet = text, true
		case "header":
			err = o.setHeader(n, d)
		case "quote":
			o.quoteText = &text
		case "escape":
			o.escText = &text
		case "force_quote":
			o.forceQuote, o.forceQuoteAll = defNames(d)
		case "force_not_null":
			o.forceNotNull, _ = defNames(d)
		case "force_null":
			o.forceNull, _ = defNames(d)
		case "encoding":
			if _, e := settings.Lookup("client_encoding").Check("client_encoding", text); e != nil {
				if pgerr.Code(e) == pgerr.FeatureNotSupportedCode {
					return nil, e
				}
				err = pgerr.New(pgerr.InvalidParameterValue,
					`argument to option "encoding" must be a valid encoding name`).AtByte(d.Location)
			}
		default:
			err = pgerr.Newf(pgerr.SyntaxError, `option "%s" not recognized`, d.Defname).AtByte(d.Location)
		}
		if err != nil {
			return nil, err
		}
	}
	return o, o.check(n, delim)
}

func defBool(d *ast.DefElem) (bool, error) {
	if d.Arg == nil {
		return true, nil
	}
	if b, ok := settings.ParseBool(ast.DefElemText(d)); ok {
		return b, nil
	}
	return false, pgerr.Newf(pgerr.SyntaxError, "%s requires a Boolean value", d.Defname)
}

// defNames is a list of columns, or a star.
func defNames(d *ast.DefElem) (names []string, all bool) {
	switch v := d.Arg.(type) {
	case *ast.A_Star:
		return nil, true
	case *ast.List:
		return ast.Strings(v.Items), false
	}
	return nil, false
}

func (o *copyOptions) setHeader(n *ast.CopyStmt, d *ast.DefElem) error {
	text := ast.DefElemText(d)
	if strings.EqualFold(text, "match") {
		if !n.IsFrom {
			return pgerr.New(pgerr.FeatureNotSupportedCode, `cannot use "match" with HEADER in COPY TO`)
		}
		o.header, o.match = true, true
		return nil
	}
	b, ok := settings.ParseBool(text)
	if d.Arg != nil && !ok {
		return pgerr.New(pgerr.SyntaxError, `header requires a Boolean value or "match"`)
	}
	o.header = b || d.Arg == nil
	return nil
}

// check settles defaults and refuses what does not go together.
func (o *copyOptions) check(n *ast.CopyStmt, delim string) error {
	no := func(code, message string) error { return pgerr.New(code, message) }
	const unsupported, syntax, invalid = pgerr.FeatureNotSupportedCode, pgerr.SyntaxError, pgerr.InvalidParameterValue
	switch {
	case o.binary && o.delimSet:
		return no(syntax, "cannot specify DELIMITER in BINARY mode")
	case o.binary && o.nullSet:
		return no(syntax, "cannot specify NULL in BINARY mode")
	}
	if !o.delimSet {
		delim = map[bool]string{true: ",", false: "\t"}[o.csv]
	}
	if !o.nullSet && !o.csv {
		o.null = `\N`
	}
	if len(delim) != 1 {
		return no(unsupported, "COPY delimiter must be a single one-byte character")
	}
	o.delim = delim[0]
	if err := o.checkQuotes(); err != nil {
		return err
	}
	switch {
	case o.delim == '\n' || o.delim == '\r':
		return no(invalid, "COPY delimiter cannot be newline or carriage return")
	case strings.ContainsAny(o.null, "\r\n"):
		return no(invalid, "COPY null representation cannot use newline or carriage return")
	case !o.csv && strings.IndexByte(`\.abcdefghijklmnopqrstuvwxyz0123456789`, o.delim) >= 0:
		return pgerr.Newf(invalid, `COPY delimiter cannot be "%c"`, o.delim)
	case o.binary && o.header:
		return no(syntax, "cannot specify HEADER in BINARY mode")
	case !o.csv && o.quoteText != nil:
		return no(unsupported, "COPY quote available only in CSV mode")
	case o.csv && o.quote == o.delim:
		return no(invalid, "COPY delimiter and quote must be different")
	case !o.csv && o.escText != nil:
		return no(unsupported, "COPY escape available only in CSV mode")
	}
	return o.checkForce(n)
}

func (o *copyOptions) checkQuotes() error {
	if !o.csv {
		return nil
	}
	o.quote = '"'
	if o.quoteText != nil {
		if len(*o.quoteText) != 1 {
			return pgerr.New(pgerr.FeatureNotSupportedCode, "COPY quote must be a single one-byte character")
		}
		o.quote = (*o.quoteText)[0]
	}
	o.escape = o.quote
	if o.escText != nil {
		if len(*o.escText) != 1 {
			return pgerr.New(pgerr.FeatureNotSupportedCode, "COPY escape must be a single one-byte character")
		}
		o.escape = (*o.escText)[0]
	}
	return nil
}

func (o *copyOptions) checkForce(n *ast.CopyStmt) error {
	no := func(message string) error { return pgerr.New(pgerr.FeatureNotSupportedCode, message) }
	quote := o.forceQuote != nil || o.forceQuoteAll
	switch {
	case !o.csv && quote:
		return no("COPY force quote available only in CSV mode")
	case n.IsFrom && quote:
		return no("COPY force quote only available using COPY TO")
	case !o.csv && o.forceNotNull != nil:
		return no("COPY force not null available only in CSV mode")
	case o.forceNotNull != nil && !n.IsFrom:
		return no("COPY force not null only available using COPY FROM")
	case !o.csv && o.forceNull != nil:
		return no("COPY force null available only in CSV mode")
	case o.forceNull != nil && !n.IsFrom:
		return no("COPY force null only available using COPY FROM")
	case strings.IndexByte(o.null, o.delim) >= 0:
		return no("COPY delimiter must not appear in the NULL specification")
	case o.csv && strings.IndexByte(o.null, o.quote) >= 0:
		return no("CSV quote character must not appear in the NULL specification")
	case o.binary:
		return pgerr.FeatureNotSupported("COPY in binary format")
	}
	return nil
}
