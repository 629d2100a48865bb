package catalog

import (
	"github.com/pgzdb/pgz/server/pkg/types"
)

func readOpClass(r *PgOpclass) *OpClass {
	return &OpClass{OID: r.OID, AM: r.Opcmethod, Name: r.Opcname, Schema: r.Opcnamespace, Family: r.Opcfamily,
		InType: r.Opcintype, Default: r.Opcdefault, KeyType: r.Opckeytype}
}

func (v *view) OpClassByName(am uint32, schema, name string) (*OpClass, error) {
	in, err := v.schemas(schema)
	if err != nil {
		return nil, err
	}
	for _, s := range in {
		oc, err := ask(v, memoKey{kind: memoOpClassName, a: am, b: s, s: name}, func() (*OpClass, error) {
			r, err := first(v.src, OpClassNameIndex, ReadPgOpclass, datumOID(am), datumString(name), datumOID(s))
			if err != nil || r == nil {
				return nil, err
			}
			return readOpClass(r), nil
		})
		if err != nil || oc != nil {
			return oc, err
		}
	}
	return nil, nil
}

func (v *view) OpClass(oid uint32) (*OpClass, error) {
	return ask(v, memoKey{kind: memoOpClass, a: oid}, func() (*OpClass, error) {
		r, err := first(v.src, OpClassOIDIndex, ReadPgOpclass, datumOID(oid))
		if err != nil || r == nil {
			return nil, err
		}
		return readOpClass(r), nil
	})
}

// defaultClasses lists the default classes of an access method by input type.
func (v *view) defaultClasses(am uint32) (map[uint32]*OpClass, error) {
	return ask(v, memoKey{kind: memoDefaultOpClass, a: am}, func() (map[uint32]*OpClass, error) {
		rows, err := all(v.src, OpClassNameIndex, ReadPgOpclass, datumOID(am))
		m := map[uint32]*OpClass{}
		for _, r := range rows {
			if r.Opcdefault {
				m[r.Opcintype] = readOpClass(r)
			}
		}
		return m, err
	})
}

// DefaultOpClass implements View.
func (v *view) DefaultOpClass(am, typ uint32) (*OpClass, error) {
	classes, err := v.defaultClasses(am)
	if err != nil {
		return nil, err
	}
	if oc := classes[typ]; oc != nil {
		return oc, nil
	}
	t, err := v.Type(typ)
	if err != nil || t == nil {
		return nil, err
	}
	if t.Type == TyptypeDomain {
		return v.DefaultOpClass(am, t.BaseType)
	}
	var stand uint32
	switch {
	case typ == types.Varchar:
		stand = types.Text
	case typ == types.RegClass || typ == types.RegType || typ == types.RegProc || typ == types.RegProcedure ||
		typ == types.RegOper || typ == types.RegOperator || typ == types.RegNamespace || typ == types.RegRole ||
		typ == types.RegCollation || typ == types.RegConfig || typ == types.RegDictionary:
		stand = types.Oid
	case t.IsArray():
		stand = types.AnyArray
	case t.Type == TyptypeEnum:
		stand = types.AnyEnum
	case t.Type == TyptypeRange:
		stand = types.AnyRange
	case t.Type == TyptypeMultirange:
		stand = types.AnyMultirange
	case t.Type == TyptypeComposite:
		stand = types.Record
	}
	return classes[stand], nil
}

func (v *view) OpFamilyMember(family, left, right uint32, strategy int16) (uint32, error) {
	return ask(v, memoKey{kind: memoAmOp, a: family, b: left, d: right, c: int32(strategy)}, func() (uint32, error) {
		r, err := first(v.src, AmOpStrategyIndex, ReadPgAmop, datumOID(family), datumOID(left), datumOID(right),
			datumInt2(strategy))
		if err != nil || r == nil {
			return 0, err
		}
		return r.Amopopr, nil
	})
}

func (v *view) SupportProc(family, left, right uint32, num int16) (uint32, error) {
	return ask(v, memoKey{kind: memoAmProc, a: family, b: left, d: right, c: int32(num)}, func() (uint32, error) {
		r, err := first(v.src, AmProcIndex, ReadPgAmproc, datumOID(family), datumOID(left), datumOID(right), datumInt2(num))
		if err != nil || r == nil {
			return 0, err
		}
		return r.Amproc, nil
	})
}

func (v *view) OperatorFamilies(operator uint32) ([]AmOp, error) {
	return ask(v, memoKey{kind: memoOperatorFamilies, a: operator}, func() ([]AmOp, error) {
		rows, err := all(v.src, AmOpOperatorIndex, ReadPgAmop, datumOID(operator))
		var out []AmOp
		for _, r := range rows {
			out = append(out, AmOp{OID: r.OID, Family: r.Amopfamily, Left: r.Amoplefttype, Right: r.Amoprighttype,
				Strategy: r.Amopstrategy, Purpose: r.Amoppurpose, Operator: r.Amopopr, AM: r.Amopmethod,
				SortFamily: r.Amopsortfamily})
		}
		return out, err
	})
}

// procNotYet reports whether the image's file has functions of this name, all
// of them left out because they do not work here. Where some work, a call that
// fits none of them is told so, as PostgreSQL tells it.
func (img *Image) procNotYet(name string) bool {
	img.mu.Lock()
	defer img.mu.Unlock()
	r, err := img.relLocked(ProcRelation)
	if err != nil || len(r.cols) == 0 {
		return false
	}
	if img.leftOut == nil {
		img.leftOut = map[string]bool{}
		for i := range img.parts[ProcRelation].rows {
			img.leftOut[getString(r.cols[1].get(i))] = true
		}
		for _, i := range r.rows {
			delete(img.leftOut, getString(r.cols[1].get(int(i))))
		}
	}
	return img.leftOut[name]
}

// defaultTexts are the defaults of a built-in function's last arguments, as
// SQL text (pg_get_expr of proargdefaults on a native 15.18 server).
func defaultTexts(r *PgProc) []string { return procDefaults[r.OID] }

var procDefaults = map[uint32][]string{
	1177: {"'{}'::jsonb", "false"},
	1179: {"'{}'::jsonb", "false"},
	1180: {"'{}'::jsonb", "false"},
	1268: {"true"},
	2023: {"'{}'::jsonb", "false"},
	2030: {"'{}'::jsonb", "false"},
	2096: {"0"},
	2172: {"false"},
	2739: {"true"},
	3305: {"true"},
	3436: {"true", "60"},
	3464: {"0", "0", "0", "0", "0", "0", "0.0"},
	3579: {"false"},
	3779: {"false", "false"},
	3782: {"'{}'::text[]"},
	3783: {"'{}'::text[]"},
	3784: {"'{}'::text[]"},
	3785: {"'{}'::text[]"},
	3786: {"false", "false"},
	3960: {"false"},
	3961: {"false"},
	4005: {"'{}'::jsonb", "false"},
	4006: {"'{}'::jsonb", "false"},
	4007: {"'{}'::jsonb", "false"},
	4008: {"'{}'::jsonb", "false"},
	4009: {"'{}'::jsonb", "false"},
	4350: {"'NFC'::text"},
	4351: {"'NFC'::text"},
	5054: {"true", "'use_json_null'::text"},
}
