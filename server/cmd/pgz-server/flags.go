package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/settings"
	"github.com/pgzdb/pgz/server/pkg/storage"
)

// version is the server's own version; server_version is PostgreSQL's.
const version = "0.1.0"

var errHelp = errors.New("help was asked for")

// config is what the flags say.
type config struct {
	dataDir        string
	listenAddr     string
	socketDir      string
	store          string
	maxConnections int
	memoryMiB      uint64
	lockMemoryMiB  uint64
	logLevel       slog.Level
	debugAddr      string
	io             string
	durableWrites  string
	tables         string
	settings       map[string]string
}

// flagOf names the flag that decides what a setting only shows.
var flagOf = map[string]string{
	"data_directory": "--data-dir", "listen_addresses": "--listen-addr", "port": "--listen-addr",
	"unix_socket_directories": "--socket-dir", "max_connections": "--max-connections",
	"shared_buffers": "--memory", "max_locks_per_transaction": "--lock-memory",
}

const (
	maxConnections = 262143  // the most that max_connections can show
	maxMiB         = 1 << 24 // 16 TiB
)

// settingFlags collects --set name=value, checked against the table.
type settingFlags map[string]string

func (f settingFlags) String() string { return "" }

func (f settingFlags) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return errors.New("want name=value")
	}
	d := settings.Lookup(strings.TrimSpace(name))
	if d == nil {
		return errors.New(settings.Unknown(name).Message)
	}
	if d.Context == settings.Internal {
		return fmt.Errorf("setting %s cannot be changed", d.Name)
	}
	if flag, ok := flagOf[d.Name]; ok {
		return fmt.Errorf("%s is what %s decides", d.Name, flag)
	}
	canonical, err := d.Check(d.Name, strings.TrimSpace(value))
	if err != nil {
		return errors.New(pgerr.From(err).Message)
	}
	f[d.Name] = canonical
	return nil
}

var ioKinds = map[string]storage.IO{
	"auto": storage.IOAuto, "posix": storage.IOPosix, "uring": storage.IOUring,
}

var durableKinds = map[string]storage.DurableWrites{
	"auto": storage.DurableAuto, "dsync": storage.DurableDsync,
	"sync": storage.DurableSync, "linked": storage.DurableLinked,
}

var tableKinds = map[string]storage.Tables{
	"auto": storage.TablesAuto, "buffered": storage.TablesBuffered, "direct": storage.TablesDirect,
}

func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg := &config{settings: map[string]string{}}
	fs := flag.NewFlagSet("pgz-server", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // errors are reported once, by main
	fs.StringVar(&cfg.dataDir, "data-dir", "data", "directory of the database; made if it is not there")
	fs.StringVar(&cfg.listenAddr, "listen-addr", "127.0.0.1:5432",
		"loopback `host:port` to listen on; the port also names the Unix socket")
	fs.StringVar(&cfg.socketDir, "socket-dir", "/tmp", "directory of the Unix socket; empty for none")
	fs.StringVar(&cfg.store, "store", "disk", "where data lives: disk (durable) or memory (gone when the server ends)")
	fs.IntVar(&cfg.maxConnections, "max-connections", 100, "clients at a time; further ones get SQLSTATE 53300")
	fs.Uint64Var(&cfg.memoryMiB, "memory", 0, "`MiB` for memtables and cache together; 0 is the engine's default")
	fs.Uint64Var(&cfg.lockMemoryMiB, "lock-memory", 0, "`MiB` for locks, some 130 bytes each; 0 is the engine's default: 256, or a quarter of --memory")
	fs.StringVar(&cfg.io, "io", "auto", "how files are used: auto, posix (plain calls) or uring (io_uring where the kernel allows it)")
	fs.StringVar(&cfg.durableWrites, "durable-writes", "auto",
		"how writes are made durable: auto (measured), dsync, sync or linked (both by io_uring)")
	fs.StringVar(&cfg.tables, "tables", "auto",
		"how files of rows are read: buffered (the page cache helps beyond --memory), direct (past it), or auto (buffered)")
	fs.StringVar(&cfg.debugAddr, "debug-addr", "", "loopback `host:port` for Go's profiles (/debug/pprof) and the store's figures (/debug/store, .../latencies, .../snapshots); empty for none")
	fs.Var(settingFlags(cfg.settings), "set", "a setting's server-wide value, as `name=value`; may be repeated")
	verbose := fs.Bool("verbose", false, "log more")
	showVersion := fs.Bool("version", false, "print the version and quit")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(out, "pgz-server serves a data directory to PostgreSQL clients.\n\nusage: pgz-server [flags]\n\n")
		fs.SetOutput(out)
		fs.PrintDefaults()
		return nil, errHelp
	case err != nil:
		return nil, fmt.Errorf("%w (--help lists the flags)", err)
	}
	if *showVersion {
		fmt.Fprintf(out, "pgz-server %s\nlibrary %s %s\n", version, storage.Version(), storage.Library)
		return nil, errHelp
	}
	if *verbose {
		cfg.logLevel = slog.LevelDebug
	}
	return cfg, cfg.check(fs.Args())
}

func (cfg *config) check(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	if cfg.store != "disk" && cfg.store != "memory" {
		return fmt.Errorf("--store is disk or memory, not %q", cfg.store)
	}
	if _, ok := ioKinds[cfg.io]; !ok {
		return fmt.Errorf("--io is auto, posix or uring, not %q", cfg.io)
	}
	if _, ok := durableKinds[cfg.durableWrites]; !ok {
		return fmt.Errorf("--durable-writes is auto, dsync, sync or linked, not %q", cfg.durableWrites)
	}
	if _, ok := tableKinds[cfg.tables]; !ok {
		return fmt.Errorf("--tables is auto, buffered or direct, not %q", cfg.tables)
	}
	if cfg.maxConnections < 1 || cfg.maxConnections > maxConnections {
		return fmt.Errorf("--max-connections must be at least 1 and at most %d", maxConnections)
	}
	for name, mib := range map[string]uint64{"--memory": cfg.memoryMiB, "--lock-memory": cfg.lockMemoryMiB} {
		if mib > maxMiB {
			return fmt.Errorf("%s is at most %d MiB", name, maxMiB)
		}
	}
	if _, _, err := net.SplitHostPort(cfg.listenAddr); err != nil {
		return fmt.Errorf("--listen-addr: %w", err)
	}
	if cfg.debugAddr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(cfg.debugAddr)
	if err != nil {
		return fmt.Errorf("--debug-addr: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--debug-addr must be a loopback address, not %s", host)
	}
	return nil
}
