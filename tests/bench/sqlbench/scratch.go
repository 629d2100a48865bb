package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/pgzdb/pgz/tests/harness"
)

// leftovers is what a run must not leave behind: servers and temporary
// folders. Folders under --dir are the user's and stay.
var leftovers struct {
	mu      sync.Mutex
	servers []*harness.Server
	dirs    []string
}

// start starts a server that ends with the run. An interrupt meanwhile waits for
// it, so that no server is left that nobody knows.
func start(begin func() (*harness.Server, error)) (*harness.Server, error) {
	leftovers.mu.Lock()
	defer leftovers.mu.Unlock()
	s, err := begin()
	if err == nil {
		leftovers.servers = append(leftovers.servers, s)
	}
	return s, err
}

// startNative starts PostgreSQL as it is compared with.
func startNative(dir string) (*harness.Server, error) {
	return start(func() (*harness.Server, error) {
		return harness.StartNative(dir, "synchronous_commit=on", "fsync=on", "shared_buffers=1GB", "max_wal_size=4GB")
	})
}

func startPgz(dir string, flags ...string) (*harness.Server, error) {
	return start(func() (*harness.Server, error) { return harness.StartPgz(dir, flags...) })
}

// cleanUp ends the servers of the run and removes its folders. Nothing can be
// noted any more afterwards: the process is about to exit.
func cleanUp() {
	leftovers.mu.Lock()
	for _, s := range leftovers.servers {
		s.Kill()
	}
	for _, dir := range leftovers.dirs {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "sqlbench:", err)
		}
	}
}

// cleanUpOnSignal does so when the run is interrupted, too.
func cleanUpOnSignal() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() {
		sig := <-c
		cleanUp()
		os.Exit(128 + int(sig.(syscall.Signal)))
	}()
}

// scratch makes a folder for a server: a temporary one, or an empty one under
// the folder that was asked for.
func scratch(under, name string) (string, error) {
	if under != "" {
		dir := filepath.Join(under, name)
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
		return dir, os.MkdirAll(dir, 0o755)
	}
	leftovers.mu.Lock()
	defer leftovers.mu.Unlock()
	dir, err := harness.ScratchDir("bench-" + name)
	if err == nil {
		leftovers.dirs = append(leftovers.dirs, dir)
	}
	return dir, err
}
