// Command pgz-server serves a data directory to PostgreSQL clients.
//
//	pgz-server --data-dir DIR --listen-addr 127.0.0.1:5432
//
// It is wiring only: flags, the store, the listeners, signals. SIGTERM or
// SIGINT ends it within 10 seconds with status 0; a second one at once.
package main

import (
	"fmt"
	"log/slog"
	"os"
	"syscall"
)

func main() {
	cfg, err := parseFlags(os.Args[1:], os.Stdout)
	if err == errHelp {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgz-server:", err)
		os.Exit(2)
	}
	log := slog.New(slog.NewTextHandler(logFile(), &slog.HandlerOptions{Level: cfg.logLevel}))
	slog.SetDefault(log)
	if err := run(cfg, log); err != nil {
		log.Error("pgz-server cannot go on", "error", err)
		os.Exit(1)
	}
}

// logFile is standard error under a descriptor of our own: the SQL parser's C
// library points descriptor 2 elsewhere while it parses.
func logFile() *os.File {
	fd, err := syscall.Dup(2)
	if err != nil {
		return os.Stderr
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "stderr")
}
