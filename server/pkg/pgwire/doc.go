// Package pgwire is the network side of the server: listeners, start-up,
// authentication, and the loop that reads one protocol message after the other
// and hands it to the client's session.
//
// One goroutine owns a connection's socket. Replies are written once nothing
// more is buffered from the client, before a wait, and beyond 16 KB. Every
// message is bounded before memory is taken for it. What one client does wrong
// ends, at worst, that client's connection; a panic while serving it is logged
// with its stack, answered with XX000, and its transaction rolled back.
//
// Limits: protocol 3.0; no TLS and no password authentication yet, hence only
// loopback and Unix-socket clients are let in.
package pgwire
