package analyze

import "github.com/pgzdb/pgz/server/pkg/ast"

// figureColname is the name of an output column without AS.
func figureColname(n ast.Node) string {
	if name, strength := colnameOf(n); strength > 0 {
		return name
	}
	return "?column?"
}

// colnameOf finds a name: strength 0 for none, 1 for one that an inner expression may override, 2
// for a good one.
func colnameOf(n ast.Node) (string, int) {
	switch n := n.(type) {
	case *ast.ColumnRef:
		if names := ast.Strings(n.Fields); len(names) > 0 {
			return names[len(names)-1], 2
		}
	case *ast.A_Indirection:
		if names := ast.Strings(n.Indirection); len(names) > 0 {
			return names[len(names)-1], 2
		}
		return colnameOf(n.Arg)
	case *ast.FuncCall:
		names := ast.Strings(n.Funcname)
		return names[len(names)-1], 2
	case *ast.A_Expr:
		if n.Kind == ast.AEXPR_NULLIF {
			return "nullif", 2
		}
	case *ast.TypeCast:
		if name, s := colnameOf(n.Arg); s > 1 {
			return name, s
		}
		if names := ast.Strings(n.TypeName.Names); len(names) > 0 {
			return names[len(names)-1], 1
		}
	case *ast.CollateClause:
		return colnameOf(n.Arg)
	case *ast.GroupingFunc:
		return "grouping", 2
	case *ast.SubLink:
		return subLinkColname(n)
	case *ast.CaseExpr:
		if name, s := colnameOf(n.Defresult); s > 1 {
			return name, s
		}
		return "case", 1
	case *ast.A_ArrayExpr:
		return "array", 2
	case *ast.RowExpr:
		return "row", 2
	case *ast.CoalesceExpr:
		return "coalesce", 2
	case *ast.MinMaxExpr:
		if n.Op == ast.IS_LEAST {
			return "least", 2
		}
		return "greatest", 2
	case *ast.SQLValueFunction:
		return sqlValueFunctionName(n.Op), 2
	case *ast.XmlSerialize:
		return "xmlserialize", 2
	}
	return "", 0
}

func subLinkColname(n *ast.SubLink) (string, int) {
	switch n.SubLinkType {
	case ast.EXISTS_SUBLINK:
		return "exists", 2
	case ast.ARRAY_SUBLINK:
		return "array", 2
	case ast.EXPR_SUBLINK:
		s, ok := n.Subselect.(*ast.SelectStmt)
		if !ok {
			return "", 0
		}
		for s.Op != ast.SETOP_NONE && s.Larg != nil {
			s = s.Larg
		}
		if s.ValuesLists != nil {
			return "column1", 2
		}
		if len(s.TargetList) > 0 {
			if rt, ok := s.TargetList[0].(*ast.ResTarget); ok {
				if rt.Name != "" {
					return rt.Name, 2
				}
				return colnameOf(rt.Val)
			}
		}
	}
	return "", 0
}

func sqlValueFunctionName(op ast.SQLValueFunctionOp) string {
	switch op {
	case ast.SVFOP_CURRENT_DATE:
		return "current_date"
	case ast.SVFOP_CURRENT_TIME, ast.SVFOP_CURRENT_TIME_N:
		return "current_time"
	case ast.SVFOP_CURRENT_TIMESTAMP, ast.SVFOP_CURRENT_TIMESTAMP_N:
		return "current_timestamp"
	case ast.SVFOP_LOCALTIME, ast.SVFOP_LOCALTIME_N:
		return "localtime"
	case ast.SVFOP_LOCALTIMESTAMP, ast.SVFOP_LOCALTIMESTAMP_N:
		return "localtimestamp"
	case ast.SVFOP_CURRENT_ROLE:
		return "current_role"
	case ast.SVFOP_CURRENT_USER:
		return "current_user"
	case ast.SVFOP_USER:
		return "user"
	case ast.SVFOP_SESSION_USER:
		return "session_user"
	case ast.SVFOP_CURRENT_CATALOG:
		return "current_catalog"
	}
	return "current_schema"
}
