// Package exec runs plans: pull-based operators over batches, row locks, writes and
// the point path that needs no operators.
//
// Start gives a Run; Run.Next(ctx, want) returns at most want rows, nil at the end.
// Nothing is computed for rows nobody asked for: operators with effects (locks,
// writes, volatile functions) advance row by row. A batch is valid until the next
// call on the same Run.
//
// A statement reads at State.View and writes with State.WriteOp; it never meets its
// own writes. Memory is charged to State.Account; sorts, hash joins and hash
// aggregates go to temporary files beyond State.WorkMem. Cancelling ctx ends a
// call within a batch with 57014 or the context's cause.
//
// Errors are *pgerr.Error with PostgreSQL's SQLSTATE and text, or storage errors
// already translated (40P01, 55P03, 57014, 53xxx, XX001).
package exec
