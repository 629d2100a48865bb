// Package planner turns resolved queries into physical plans: rewrite rules in a
// list, join order by cost, access paths over row keys and indexes, and point
// plans that need no operators at all.
//
// A Plan is a tree of Nodes with compiled expressions. Each node's output is a row
// of columns; expressions address their input row by slot. A Plan belongs to one
// session and is executed by one goroutine at a time, any number of times.
//
// Costs are in PostgreSQL's units and only choose between plans; results never
// depend on them. Errors are *pgerr.Error; what cannot be planned yet is 0A000.
package planner
