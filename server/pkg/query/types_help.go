package query

func location(e Expr) int32 {
	if e == nil {
		return -1
	}
	return e.Location()
}

// leftmost is the smallest known location among loc and the locations of args.
func leftmost(loc int32, args ...Expr) int32 {
	for _, a := range args {
		l := location(a)
		if l >= 0 && (loc < 0 || l < loc) {
			loc = l
		}
	}
	return loc
}

// boolLocation: NOT precedes its argument, AND and OR stand between theirs.
func boolLocation(n *BoolExpr) int32 { return leftmost(n.Loc, n.Args...) }

// LengthCoercion tells whether e is a call of a length coercion function (such as varchar(x, 14,
// true) made from a cast to varchar(10)), and the typmod it enforces.
func LengthCoercion(e Expr) (int32, bool) {
	switch n := e.(type) {
	case *FuncExpr:
		if n.Funcformat != CoerceExplicitCast && n.Funcformat != CoerceImplicitCast {
			return -1, false
		}
		if len(n.Args) < 2 || len(n.Args) > 3 {
			return -1, false
		}
		c, ok := n.Args[1].(*Const)
		if !ok || c.Consttype != oidInt4 || c.Constisnull {
			return -1, false
		}
		return int32(c.Constvalue.Int()), true
	case *ArrayCoerceExpr:
		return n.Resulttypmod, n.Resulttypmod >= 0
	}
	return -1, false
}

func lengthCoercionTypmod(n *FuncExpr) int32 {
	typmod, _ := LengthCoercion(n)
	return typmod
}

// commonTypmod is the typmod shared by all of args, -1 if they differ or one is not of typ.
func commonTypmod(typ uint32, args []Expr) int32 {
	if len(args) == 0 {
		return -1
	}
	typmod := args[0].Typmod()
	for _, a := range args {
		if a.Type() != typ || typmod < 0 || a.Typmod() != typmod {
			return -1
		}
	}
	return typmod
}

func caseTypmod(n *CaseExpr) int32 {
	if n.Defresult == nil {
		return -1
	}
	typmod := n.Defresult.Typmod()
	if n.Defresult.Type() != n.Casetype || typmod < 0 {
		return -1
	}
	for _, w := range n.Args {
		if w.Result.Type() != n.Casetype || w.Result.Typmod() != typmod {
			return -1
		}
	}
	return typmod
}

func arrayTypmod(n *ArrayExpr) int32 {
	typ := n.ElementTypeid
	if n.Multidims {
		typ = n.ArrayTypeid
	}
	return commonTypmod(typ, n.Elements)
}
