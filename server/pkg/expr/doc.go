// Package expr evaluates expressions: it holds the registry of functions,
// aggregates and set-returning functions by pg_proc OID, compiles resolved
// query expressions and evaluates them one row or one batch at a time.
//
// Promises. A value is never boxed in an interface. A compiled expression
// allocates nothing per value outside the context's arena. Unselected and null
// lanes of a batch never execute; an error belongs to its lane and surfaces only
// when that row is asked for. Strict functions never see a null argument.
//
// Limits. A compiled expression and a Ctx belong to one goroutine at a time.
// Values returned live in Ctx.Arena until it is reset, or borrow from their
// arguments; whoever keeps them longer copies them.
//
// Errors are *pgerr.Error with PostgreSQL's SQLSTATE and text. An OID that has
// no function registered is 0A000 when the expression is compiled.
package expr
