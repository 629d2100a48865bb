//go:build asan || race

package storage

// checkedBuild: every call into the engine is slow enough for the scheduler to
// give its thread's work to another one, so thread counts mean nothing.
const checkedBuild = true
