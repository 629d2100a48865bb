package catfn

import "github.com/pgzdb/pgz/server/pkg/query"

// nextvalOID is pg_proc's nextval(regclass).
const nextvalOID = 1574

// sequenceOf returns the sequence a stored default takes values from, 0 if it
// takes none.
func sequenceOf(stored []byte) (uint32, error) {
	e, err := query.DecodeExpr(stored)
	if err != nil {
		return 0, err
	}
	var seq uint32
	query.Walk(e, func(e query.Expr) bool {
		if f, ok := e.(*query.FuncExpr); ok && f.Funcid == nextvalOID && len(f.Args) == 1 {
			if c, ok := f.Args[0].(*query.Const); ok && !c.Constisnull {
				seq = uint32(c.Constvalue.Int())
			}
		}
		return seq == 0
	})
	return seq, nil
}
