package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// noType stands for a type that could not be looked up.
var noType = &catalog.TypeDesc{Type: catalog.TyptypePseudo, Category: 'X', Typmod: -1}

// typ is the descriptor of a type, never nil.
func (a *analyzer) typ(oid uint32) *catalog.TypeDesc {
	if t, ok := a.typeDescs[oid]; ok {
		return t
	}
	t, err := a.cat.Type(oid)
	if err != nil {
		a.fail(err)
	}
	if t == nil {
		t = noType
	}
	a.typeDescs[oid] = t
	return t
}

func (a *analyzer) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

func (a *analyzer) proc(oid uint32) *catalog.Proc {
	p, err := a.cat.Proc(oid)
	if err != nil {
		a.fail(err)
	}
	return p
}

func (a *analyzer) operator(oid uint32) *catalog.Operator {
	o, err := a.cat.Operator(oid)
	if err != nil {
		a.fail(err)
	}
	return o
}

func (a *analyzer) cast(source, target uint32) *catalog.Cast {
	c, err := a.cat.Cast(source, target)
	if err != nil {
		a.fail(err)
	}
	return c
}

func (a *analyzer) relation(oid uint32) *catalog.Table {
	t, err := a.cat.Relation(oid)
	if err != nil {
		a.fail(err)
	}
	return t
}

func (a *analyzer) sortOps(typ uint32) catalog.SortOperators {
	s, err := catalog.LookupSortOperators(a.cat, typ)
	if err != nil {
		a.fail(err)
	}
	return s
}

// formatType is the type's name as messages show it.
func (a *analyzer) formatType(oid uint32) string { return types.FormatType(a.tctx, oid, -1) }

// baseType strips domains.
func (a *analyzer) baseType(oid uint32) uint32 {
	b, _ := a.baseTypeAndTypmod(oid, -1)
	return b
}

// baseTypeAndTypmod strips domains; the typmod of the outermost domain that has one replaces -1.
func (a *analyzer) baseTypeAndTypmod(oid uint32, typmod int32) (uint32, int32) {
	for {
		t := a.typ(oid)
		if t.Type != catalog.TyptypeDomain {
			return oid, typmod
		}
		oid = t.BaseType
		if typmod < 0 {
			typmod = t.Typmod
		}
	}
}

// elementType is the element type of a true array, else 0.
func (a *analyzer) elementType(oid uint32) uint32 {
	if t := a.typ(oid); t.IsArray() {
		return t.Elem
	}
	return 0
}

// baseElementType is elementType through domains over arrays.
func (a *analyzer) baseElementType(oid uint32) uint32 { return a.elementType(a.baseType(oid)) }

func (a *analyzer) arrayType(oid uint32) uint32 { return a.typ(oid).Array }

// promotedArrayType is the type of an array of oid; an array of arrays is the same array type.
func (a *analyzer) promotedArrayType(oid uint32) uint32 {
	if t := a.arrayType(oid); t != 0 {
		return t
	}
	if a.typ(oid).IsArray() {
		return oid
	}
	return 0
}

func (a *analyzer) isComplex(oid uint32) bool {
	t := a.typ(a.baseType(oid))
	return t.Type == catalog.TyptypeComposite
}

func (a *analyzer) isRowType(oid uint32) bool { return oid == types.Record || a.isComplex(oid) }

func (a *analyzer) isComplexArray(oid uint32) bool {
	e := a.elementType(oid)
	return e != 0 && a.isComplex(e)
}

func (a *analyzer) typeCollation(oid uint32) uint32 { return a.typ(oid).Collation }

func (a *analyzer) isEnum(oid uint32) bool { return a.typ(oid).Type == catalog.TyptypeEnum }

func (a *analyzer) rangeSubtype(oid uint32) uint32 {
	if t := a.typ(oid); t.Type == catalog.TyptypeRange && t.Range != nil {
		return t.Range.Subtype
	}
	return 0
}

// rangeOfMultirange and multirangeOfRange are 0 for other types.
func (a *analyzer) rangeOfMultirange(oid uint32) uint32 {
	if t := a.typ(oid); t.Type == catalog.TyptypeMultirange && t.Range != nil {
		return t.Range.Type
	}
	return 0
}

func (a *analyzer) multirangeOfRange(oid uint32) uint32 {
	if t := a.typ(oid); t.Type == catalog.TyptypeRange && t.Range != nil {
		return t.Range.Multirange
	}
	return 0
}

const stringCategory = 'S'
const unknownCategory = 'X'
const invalidCategory = 0

func isPolymorphic(oid uint32) bool {
	switch oid {
	case types.AnyElement, types.AnyArray, types.AnyNonArray, types.AnyEnum, types.AnyRange, types.AnyMultirange,
		types.AnyCompatible, types.AnyCompatibleArray, types.AnyCompatibleNonArray, types.AnyCompatibleRange,
		types.AnyCompatibleMultirange:
		return true
	}
	return false
}
