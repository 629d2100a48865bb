// Package session is one client's life: its transaction block, prepared
// statements, portals and settings, and the way each statement goes through
// parser, analyze, planner and exec.
//
// Promises: the simple and the extended protocol behave to the letter of
// PostgreSQL 15 (implicit transactions, 25P02, several suspended portals,
// parameter inference); a failed statement leaves nothing behind but the state
// of its transaction block; errors carry positions in the client's own text.
//
// A Session is used by one goroutine, its connection's. Only Cancel and
// Terminate may be called from outside. Replies are appended to the
// connection's Out and never wait for the client, except in COPY and when a
// result is larger than the buffer.
//
// What PostgreSQL has and this package does not answers 0A000 with its name.
package session
