package query

import "bytes"

// Equal tells whether two expressions are the same tree, source locations aside.
func Equal(a, b Expr) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if a.tag() != b.tag() {
		return false
	}
	if va, ok := a.(*Var); ok {
		vb := b.(*Var)
		return va.Varno == vb.Varno && va.Varattno == vb.Varattno && va.Vartype == vb.Vartype &&
			va.Vartypmod == vb.Vartypmod && va.Varcollid == vb.Varcollid && va.Varlevelsup == vb.Varlevelsup
	}
	// Stored forms carry every field but the locations.
	ea, erra := EncodeExpr(nil, a)
	eb, errb := EncodeExpr(nil, b)
	return erra == nil && errb == nil && bytes.Equal(ea, eb)
}

// EqualQuery tells whether two queries are the same tree, source locations aside.
func EqualQuery(a, b *Query) bool {
	if a == nil || b == nil {
		return a == b
	}
	ea, erra := EncodeQuery(nil, a)
	eb, errb := EncodeQuery(nil, b)
	return erra == nil && errb == nil && bytes.Equal(ea, eb)
}
