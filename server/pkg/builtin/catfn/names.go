package catfn

import (
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	expr.Register(1081, formatType, expr.NonStrict, expr.IsStable)
	stable(userByID, 1642)
	stable(visible(types.RegClass), 2079)
	stable(visible(types.RegType), 2080)
	stable(visible(types.RegProc), 2081)
	stable(visible(types.RegOper), 2082)
	stable(visible(types.RegCollation), 3815)
	stable(visible(types.RegConfig), 3758)
	stable(visible(types.RegDictionary), 3757)
	stable(opclassVisible, 2083)
	stable(encodingName, 1597)
	stable(encodingNumber, 1264)
	expr.Register(2319, encodingLength)
	expr.Register(1619, typeOf, expr.NonStrict, expr.IsStable)
	expr.Register(3162, collationFor, expr.NonStrict, expr.IsStable)
	for oid, reg := range map[uint32]uint32{3495: types.RegClass, 3493: types.RegType, 3494: types.RegProc,
		3479: types.RegProcedure, 3492: types.RegOper, 3476: types.RegOperator, 4086: types.RegNamespace,
		4093: types.RegRole, 4195: types.RegCollation} {
		stable(toReg(reg), oid)
	}
	stable(comment(0), 1348)
	stable(comment(1), 1215)
	stable(comment(1), 1993)
	stable(columnComment, 1216)
}

func formatType(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() {
		return data.Null, nil
	}
	if a[1].IsNull() {
		return text(c, types.FormatType(c.Types, oidArg(a, 0), -1))
	}
	return text(c, types.FormatTypeGiven(c.Types, oidArg(a, 0), int32(a[1].Int())))
}

func userByID(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	r, err := c.Env.Catalog().Role(oidArg(a, 0))
	if err != nil {
		return data.Null, err
	}
	if r == nil {
		return text(c, "unknown (OID="+strconv.Itoa(int(oidArg(a, 0)))+")")
	}
	return text(c, r.Name)
}

// visible answers whether the unqualified name finds the object.
func visible(reg uint32) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		n, found := c.Types.Lookup.RegName(reg, oidArg(a, 0))
		if !found {
			return data.Null, nil
		}
		return data.Bool(n.Visible), nil
	}
}

func opclassVisible(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	view := c.Env.Catalog()
	oc, err := view.OpClass(oidArg(a, 0))
	if err != nil || oc == nil {
		return data.Null, err
	}
	found, err := view.OpClassByName(oc.AM, "", oc.Name)
	return data.Bool(found != nil && found.OID == oc.OID), err
}

// encodings are PostgreSQL's numbers; the server's own is UTF8.
var encodings = map[int64]string{0: "SQL_ASCII", 1: "EUC_JP", 2: "EUC_CN", 3: "EUC_KR", 4: "EUC_TW", 5: "EUC_JIS_2004",
	6: "UTF8", 7: "MULE_INTERNAL", 8: "LATIN1", 9: "LATIN2", 10: "LATIN3", 11: "LATIN4", 12: "LATIN5", 13: "LATIN6",
	14: "LATIN7", 15: "LATIN8", 16: "LATIN9", 17: "LATIN10", 18: "WIN1256", 19: "WIN1258", 20: "WIN866", 21: "WIN874",
	22: "KOI8R", 23: "WIN1251", 24: "WIN1252", 25: "ISO_8859_5", 26: "ISO_8859_6", 27: "ISO_8859_7", 28: "ISO_8859_8",
	29: "WIN1250", 30: "WIN1253", 31: "WIN1254", 32: "WIN1255", 33: "WIN1257", 34: "KOI8U", 35: "SJIS", 36: "BIG5",
	37: "GBK", 38: "UHC", 39: "GB18030", 40: "JOHAB", 41: "SHIFT_JIS_2004"}

func encodingName(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return text(c, encodings[a[0].Int()])
}

func encodingNumber(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	plain := func(s string) string {
		return strings.ToUpper(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s))
	}
	want := plain(str(a, 0))
	if want == "UNICODE" {
		want = "UTF8"
	}
	for n, name := range encodings {
		if plain(name) == want {
			return data.Int(n), nil
		}
	}
	return data.Int(-1), nil
}

// wideEncodings are those with characters of several bytes, and how many.
var wideEncodings = map[int64]int64{1: 3, 2: 3, 3: 3, 4: 4, 5: 3, 6: 4, 7: 4, 35: 2, 36: 2, 37: 2, 38: 2, 39: 4, 40: 3, 41: 2}

func encodingLength(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if _, ok := encodings[a[0].Int()]; !ok {
		return data.Null, nil
	}
	return data.Int(max(1, wideEncodings[a[0].Int()])), nil
}

func typeOf(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
	return data.Int(int64(c.ArgType(0))), nil
}

func collationFor(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
	if c.Call == nil || c.Call.Collation == 0 {
		return data.Null, nil
	}
	coll, err := c.Env.Catalog().Collation(c.Call.Collation)
	if err != nil || coll == nil {
		return data.Null, err
	}
	return text(c, types.QuoteIdent(coll.Name))
}

// toReg is the input function of a reg type that returns NULL for what is not
// there.
func toReg(reg uint32) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		s := str(a, 0)
		if s == "" || s[0] >= '0' && s[0] <= '9' || s == "-" {
			return data.Null, nil
		}
		d, err := types.Get(reg).In(c.Types, s, -1)
		if e := pgerr.As(err); e != nil {
			switch e.Code {
			case pgerr.UndefinedTable, pgerr.UndefinedObject, pgerr.UndefinedFunction, pgerr.InvalidSchemaName,
				pgerr.AmbiguousFunction, pgerr.UndefinedParameter:
				return data.Null, nil
			}
		}
		return d, err
	}
}

// comment reads the comment on a whole object; the catalog relation it lies in
// is named by argument classArg, or with 0 any will do.
func comment(classArg int) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		class := uint32(0)
		if classArg > 0 {
			t, err := c.Env.Catalog().RelationByName("pg_catalog", str(a, classArg))
			if err != nil || t == nil {
				return data.Null, err
			}
			class = t.OID
		}
		return readComment(c, class, oidArg(a, 0), 0)
	}
}

// classOfRelations is the OID of pg_class.
const classOfRelations = 1259

func columnComment(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[1].Int() == 0 {
		return data.Null, nil
	}
	return readComment(c, classOfRelations, oidArg(a, 0), int32(a[1].Int()))
}

// Commenter is implemented by a catalog view that knows pg_description and
// pg_shdescription. class 0 means any.
type Commenter interface {
	Comment(class, oid uint32, sub int32) (string, bool, error)
}

func readComment(c *expr.Ctx, class, oid uint32, sub int32) (data.Datum, error) {
	view, ok := c.Env.Catalog().(Commenter)
	if !ok {
		return data.Null, pgerr.FeatureNotSupported("comments on objects")
	}
	s, ok, err := view.Comment(class, oid, sub)
	if err != nil || !ok {
		return data.Null, err
	}
	return text(c, s)
}
