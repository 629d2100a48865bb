package textfn

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	expr.Register(3058, concat, expr.NonStrict, expr.IsStable)
	expr.Register(3059, concatWS, expr.NonStrict, expr.IsStable)
	expr.Register(1282, quoteIdent)
	expr.Register(1283, quoteLiteral)
	expr.Register(1285, quoteLiteralAny, expr.IsStable)
	expr.Register(1289, quoteNullable, expr.NonStrict)
	expr.Register(1290, quoteNullable, expr.NonStrict, expr.IsStable)
	register(md5Hex, 2311, 2321)
	register(digest(func(b []byte) []byte { h := sha256.Sum224(b); return h[:] }), 3419)
	register(digest(func(b []byte) []byte { h := sha256.Sum256(b); return h[:] }), 3420)
	register(digest(func(b []byte) []byte { h := sha512.Sum384(b); return h[:] }), 3421)
	register(digest(func(b []byte) []byte { h := sha512.Sum512(b); return h[:] }), 3422)
}

func concat(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if c.Call != nil && c.Call.Variadic && a[0].IsNull() {
		return data.Null, nil
	}
	var out []byte
	err := variadic(c, a, 0, func(oid uint32, d data.Datum) (err error) {
		if !d.IsNull() {
			out, err = appendOut(c, out, oid, d)
		}
		return err
	})
	return data.Bytes(c.Arena.Copy(out)), err
}

func concatWS(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() || c.Call != nil && c.Call.Variadic && a[1].IsNull() {
		return data.Null, nil
	}
	var out []byte
	first := true
	err := variadic(c, a, 1, func(oid uint32, d data.Datum) (err error) {
		if d.IsNull() {
			return nil
		}
		if !first {
			out = append(out, a[0].Bytes()...)
		}
		first = false
		out, err = appendOut(c, out, oid, d)
		return err
	})
	return data.Bytes(c.Arena.Copy(out)), err
}

func quoteIdent(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return c.Arena.CopyString(types.QuoteIdent(str(a, 0))), nil
}

func quoteLiteral(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return c.Arena.CopyString(types.QuoteLiteral(str(a, 0))), nil
}

func quoteLiteralAny(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	out, err := appendOut(c, nil, c.ArgType(0), a[0])
	if err != nil {
		return data.Null, err
	}
	return c.Arena.CopyString(types.QuoteLiteral(string(out))), nil
}

func quoteNullable(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() {
		return text("NULL"), nil
	}
	return quoteLiteralAny(c, a)
}

func md5Hex(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	sum := md5.Sum(a[0].Bytes())
	return c.Arena.CopyString(hex.EncodeToString(sum[:])), nil
}

func digest(f func([]byte) []byte) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return data.Bytes(c.Arena.Copy(f(a[0].Bytes()))), nil
	}
}
