// Package analyze turns raw parse trees into resolved query trees: it finds what names mean, which
// function or operator an overloaded call is, where values must be converted, and which type every
// expression has.
//
// It follows PostgreSQL 15's rules (its parser/ and the view part of its rewriter), and gives
// PostgreSQL's messages, SQLSTATEs, hints and positions; positions are byte locations of the raw
// tree (pgerr.Error.AtByte). What PostgreSQL has and this package does not is answered with 0A000
// naming the feature; no clause is ignored.
//
// The package reads the catalog only through catalog.View, converts literals by their type's input
// function, and evaluates nothing else. Raw trees are not changed. An analysis belongs to one
// goroutine; the query it returns is immutable and may be shared.
//
// The files follow PostgreSQL's division: relation.go (scopes), colref.go, expr*.go, oper.go,
// func*.go, coerce*.go, clause*.go, target.go, agg.go, collate.go, and one file per statement.
package analyze
