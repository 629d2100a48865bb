// Package bytefn registers functions on the bytes of bytea and uuid values: encode and
// decode, conversion of encodings, single bytes and bits, random uuids.
//
// The only server encoding is UTF8; conversions from and to others give 0A000.
package bytefn

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"math/bits"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	expr.Register(1946, encode)
	expr.Register(1947, decode)
	expr.Register(1714, convertFrom, expr.IsStable)
	expr.Register(1717, convertTo, expr.IsStable)
	expr.Register(721, getByte)
	expr.Register(722, setByte)
	expr.Register(723, getBit)
	expr.Register(724, setBit)
	expr.Register(6163, bitCount)
	expr.Register(3432, randomUUID, expr.IsVolatile)
}

func errEncoding(name string) error {
	return pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized encoding: \"%s\"", name)
}

func encode(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	b := a[0].Bytes()
	switch name := a[1].Str(); strings.ToLower(name) {
	case "hex":
		d, out := c.Bytes(2 * len(b))
		hex.Encode(out, b)
		return d, nil
	case "base64":
		return data.Bytes(appendBase64(nil, b)), nil
	case "escape":
		return data.Bytes(appendEscaped(nil, b)), nil
	default:
		return data.Null, errEncoding(name)
	}
}

// appendBase64 ends every full line of 76 characters, the last one too.
func appendBase64(dst, b []byte) []byte {
	const lineBytes = 57
	for len(b) >= lineBytes {
		dst = base64.StdEncoding.AppendEncode(dst, b[:lineBytes])
		dst = append(dst, '\n')
		b = b[lineBytes:]
	}
	return base64.StdEncoding.AppendEncode(dst, b)
}

// appendEscaped writes zero and high bytes as \ooo and doubles backslashes.
func appendEscaped(dst, b []byte) []byte {
	for _, v := range b {
		switch {
		case v == 0 || v >= 0x80:
			dst = append(dst, '\\', '0'+v>>6, '0'+v>>3&7, '0'+v&7)
		case v == '\\':
			dst = append(dst, '\\', '\\')
		default:
			dst = append(dst, v)
		}
	}
	return dst
}

func decode(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	s := a[0].Str()
	switch name := a[1].Str(); strings.ToLower(name) {
	case "hex":
		b, err := types.DecodeHex(nil, s)
		return data.Bytes(b), err
	case "base64":
		return decodeBase64(s)
	case "escape":
		d, err := types.Get(types.Bytea).In(c.Types, escapeOnly(s), -1)
		return d, err
	default:
		return data.Null, errEncoding(name)
	}
}

// escapeOnly keeps bytea's input from taking \x for its hex format.
func escapeOnly(s string) string {
	if strings.HasPrefix(s, `\x`) {
		return `\?` // no escape either
	}
	return s
}

func decodeBase64(s string) (data.Datum, error) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	out := make([]byte, 0, len(s)*3/4)
	var buf uint32
	pos, end := 0, 0
	for i := 0; i < len(s); i++ {
		ch := s[i]
		if ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' {
			continue
		}
		v := 0
		if ch == '=' {
			if end == 0 {
				switch pos {
				case 2:
					end = 1
				case 3:
					end = 2
				default:
					return data.Null, pgerr.Newf(pgerr.InvalidParameterValue,
						"unexpected \"=\" while decoding base64 sequence")
				}
			}
		} else if v = strings.IndexByte(alphabet, ch); v < 0 || end > 0 {
			return data.Null, pgerr.Newf(pgerr.InvalidParameterValue,
				"invalid symbol \"%s\" found while decoding base64 sequence", firstChar(s[i:]))
		}
		buf = buf<<6 | uint32(v)
		if pos++; pos == 4 {
			out = append(out, byte(buf>>16))
			if end == 0 || end > 1 {
				out = append(out, byte(buf>>8))
			}
			if end == 0 || end > 2 {
				out = append(out, byte(buf))
			}
			buf, pos = 0, 0
		}
	}
	if pos != 0 {
		return data.Null, pgerr.New(pgerr.InvalidParameterValue, "invalid base64 end sequence").
			WithHint("Input data is missing padding, is truncated, or is otherwise corrupted.")
	}
	return data.Bytes(out), nil
}

func firstChar(s string) string {
	for _, r := range s {
		return string(r)
	}
	return s
}

// isUTF8 knows the spellings of the one encoding.
func isUTF8(name string) bool {
	switch strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name)) {
	case "utf8", "unicode":
		return true
	}
	return false
}

// otherEncodings are the names of PostgreSQL's other encodings, without punctuation.
const otherEncodings = " sqlascii eucjp euccn euckr euctw eucjis2004 mulemail latin1 latin2 latin3 latin4 " +
	"latin5 latin6 latin7 latin8 latin9 latin10 iso88591 iso88592 iso88593 iso88594 iso88595 iso88596 " +
	"iso88597 iso88598 iso88599 win1250 win1251 win1252 win1253 win1254 win1255 win1256 win1257 win1258 " +
	"win866 win874 koi8r koi8u sjis shiftjis big5 gbk uhc gb18030 johab muleinternal "

func errConversion(name, which string) error {
	plain := strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(name))
	if strings.Contains(otherEncodings, " "+plain+" ") {
		return pgerr.FeatureNotSupported("conversion with encoding " + name)
	}
	return pgerr.Newf(pgerr.InvalidParameterValue, "invalid %s encoding name \"%s\"", which, name)
}

func convertFrom(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if !isUTF8(a[1].Str()) {
		return data.Null, errConversion(a[1].Str(), "source")
	}
	if err := types.CheckUTF8(a[0].Bytes()); err != nil {
		return data.Null, err
	}
	return a[0], nil
}

func convertTo(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if !isUTF8(a[1].Str()) {
		return data.Null, errConversion(a[1].Str(), "destination")
	}
	return a[0], nil
}

func errIndex(n, limit int64) error {
	return pgerr.Newf(pgerr.ArraySubscriptError, "index %d out of valid range, 0..%d", n, limit)
}

func getByte(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	b, n := a[0].Bytes(), a[1].Int()
	if n < 0 || n >= int64(len(b)) {
		return data.Null, errIndex(n, int64(len(b))-1)
	}
	return data.Int(int64(b[n])), nil
}

func setByte(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	b, n := a[0].Bytes(), a[1].Int()
	if n < 0 || n >= int64(len(b)) {
		return data.Null, errIndex(n, int64(len(b))-1)
	}
	d := c.Arena.Copy(b)
	d[n] = byte(a[2].Int())
	return data.Bytes(d), nil
}

func getBit(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	b, n := a[0].Bytes(), a[1].Int()
	if n < 0 || n >= 8*int64(len(b)) {
		return data.Null, errIndex(n, 8*int64(len(b))-1)
	}
	return data.Int(int64(b[n/8] >> (n % 8) & 1)), nil
}

func setBit(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	b, n, v := a[0].Bytes(), a[1].Int(), a[2].Int()
	if n < 0 || n >= 8*int64(len(b)) {
		return data.Null, errIndex(n, 8*int64(len(b))-1)
	}
	if v != 0 && v != 1 {
		return data.Null, pgerr.New(pgerr.InvalidParameterValue, "new bit must be 0 or 1")
	}
	d := c.Arena.Copy(b)
	d[n/8] = d[n/8]&^(1<<(n%8)) | byte(v)<<(n%8)
	return data.Bytes(d), nil
}

func bitCount(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	n := 0
	for _, v := range a[0].Bytes() {
		n += bits.OnesCount8(v)
	}
	return data.Int(int64(n)), nil
}

// randomUUID is a version 4 uuid.
func randomUUID(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
	p := c.Arena.New16()
	if _, err := rand.Read(p[:]); err != nil {
		return data.Null, pgerr.New(pgerr.InternalError, "could not generate random values")
	}
	p[6] = p[6]&0x0F | 0x40
	p[8] = p[8]&0x3F | 0x80
	return data.Fixed16(p), nil
}
