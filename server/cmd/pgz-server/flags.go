package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/settings"
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
	logLevel       slog.Level
	debugAddr      string
	settings       map[string]string
}

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
	canonical, err := d.Check(d.Name, strings.TrimSpace(value))
	if err != nil {
		return err
	}
	f[d.Name] = canonical
	return nil
}

func parseFlags(args []string, out io.Writer) (*config, error) {
	cfg := &config{settings: map[string]string{}}
	fs := flag.NewFlagSet("pgz-server", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.Usage = func() {
		fmt.Fprintf(out, "pgz-server serves a data directory to PostgreSQL clients.\n\nusage: pgz-server [flags]\n\n")
		fs.PrintDefaults()
	}
	fs.StringVar(&cfg.dataDir, "data-dir", "data", "directory of the database; made if it is not there")
	fs.StringVar(&cfg.listenAddr, "listen-addr", "127.0.0.1:5432",
		"loopback `host:port` to listen on; the port also names the Unix socket")
	fs.StringVar(&cfg.socketDir, "socket-dir", "/tmp", "directory of the Unix socket; empty for none")
	fs.StringVar(&cfg.store, "store", "disk", "where data lives: disk (durable) or memory (gone when the server ends)")
	fs.IntVar(&cfg.maxConnections, "max-connections", 100, "clients at a time; further ones get SQLSTATE 53300")
	fs.Uint64Var(&cfg.memoryMiB, "memory", 0, "`MiB` for memtables and cache together; 0 is the engine's default")
	fs.StringVar(&cfg.debugAddr, "debug-addr", "", "loopback `host:port` for Go's profiles (/debug/pprof); empty for none")
	fs.Var(settingFlags(cfg.settings), "set", "a setting's server-wide value, as `name=value`; may be repeated")
	verbose := fs.Bool("verbose", false, "log more")
	showVersion := fs.Bool("version", false, "print the version and quit")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil, errHelp
	case err != nil:
		return nil, err
	}
	if *showVersion {
		fmt.Fprintln(out, "pgz-server", version)
		return nil, errHelp
	}
	if *verbose {
		cfg.logLevel = slog.LevelDebug
	}
	return cfg, cfg.check(fs)
}

func (cfg *config) check(fs *flag.FlagSet) error {
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if cfg.store != "disk" && cfg.store != "memory" {
		return fmt.Errorf("--store is disk or memory, not %q", cfg.store)
	}
	if cfg.maxConnections < 1 {
		return errors.New("--max-connections must be at least 1")
	}
	if _, _, err := net.SplitHostPort(cfg.listenAddr); err != nil {
		return fmt.Errorf("--listen-addr: %w", err)
	}
	return nil
}
