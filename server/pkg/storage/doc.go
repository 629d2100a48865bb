// Package storage is the C++ engine behind Go: kv.Store over include/pgz.h
// for the server, and a small key-value API (Open, Put, Get, Delete, Scan,
// Begin) for programs.
//
// It is the only package that imports "C" for the engine. Calls into the
// engine are short: waiting for a commit or a lock never holds a thread in C.
// The engine hands out a ticket, one goroutine per store reads its eventfd
// through Go's network poller and wakes whoever waits.
//
// Memory: keys, values and batches go to C as pinned Go slices, reads are
// written straight into the caller's buffers. Nothing in C points into Go
// memory after a call, and nothing in Go points into C memory.
//
// The engine is linked from build/lib/libpgz.a, which `just build` puts there
// together with library.go in this folder; that file holds the archive's
// checksum and makes Go's build cache notice a new one.
package storage
