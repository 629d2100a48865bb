// Package parser turns SQL text into package ast's trees with PostgreSQL's own
// grammar, reached through pg_query_go's C library.
//
// Promises: errors carry PostgreSQL's message, SQLSTATE, hint and position, and
// no text, however hostile, crashes the process or takes more than linear time.
// What the C library cannot stand (very long operator chains, deeply nested
// comments) and what it does not check (encoding, NUL) is refused by the small
// scanner of this package before the text reaches it. The library's grammar is
// PostgreSQL 17's; syntax that 15 does not have is refused as 15 refuses it.
//
// Limits: MaxStatementBytes a text, maxChain operators in one chain,
// maxCommentDepth comments inside each other. Nothing outside this package
// imports pg_query_go, and the library's calls are serialised here because it
// redirects the process's standard error while it parses.
package parser

//go:generate go run ./internal/gen ../ast .
