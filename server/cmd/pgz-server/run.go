package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
	"github.com/pgzdb/pgz/server/pkg/pgwire"
	"github.com/pgzdb/pgz/server/pkg/session"
	"github.com/pgzdb/pgz/server/pkg/storage"
	_ "github.com/pgzdb/pgz/server/pkg/storage/slack" // fewer wakes of the runtime's monitor
)

// shutdownTimeout is how long clients have to end after the first signal; the
// store's closing comes on top, within 10 seconds altogether.
const shutdownTimeout = 6 * time.Second

// run serves until a signal. Its error is why the server could not start or
// did not end well.
func run(cfg *config, log *slog.Logger) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)

	// The listeners come first: a port that is taken is found out before the
	// data directory is touched.
	listeners, err := listen(cfg)
	if err != nil {
		return err
	}
	defer func() {
		for _, l := range listeners {
			l.Close()
		}
	}()
	store, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	stopped := make(chan error, 1)
	sessions, err := session.NewServer(session.Options{
		Store: store, Log: log, Settings: serverSettings(cfg, listeners), OSUser: osUser(),
		OnStoreStopped: func(err error) { stopped <- err },
	})
	if err != nil {
		store.Close()
		return fmt.Errorf("cannot open the catalog: %w", err)
	}
	server := pgwire.New(pgwire.Config{Sessions: sessions, Log: log, MaxConnections: cfg.maxConnections})
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- server.Serve(l) }()
	}
	if cfg.debugAddr != "" {
		go func() { log.Error("profiles end", "error", http.ListenAndServe(cfg.debugAddr, debugHandler(store))) }()
	}
	banner(os.Stdout, cfg, listeners)

	stop := server.Shutdown
	select {
	case sig := <-signals:
		log.Info("shutting down", "signal", sig.String())
	case err = <-failed:
	case err = <-stopped:
		// Whoever starts the server again has all that was acknowledged.
		err = fmt.Errorf("the store has stopped: %w", err)
		stop = server.Crash
	}
	go func() {
		<-signals
		log.Warn("second signal: quitting at once")
		os.Exit(1)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if stop(ctx) != nil {
		log.Warn("some clients did not end in time")
	}
	if err == nil {
		if err := sessions.Close(ctx); err != nil {
			log.Warn("sequences will skip some values at the next start", "error", err)
		}
	}
	if closeErr := store.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("closing the store: %w", closeErr)
	}
	return err
}

func listen(cfg *config) ([]net.Listener, error) {
	tcp, err := pgwire.ListenTCP(cfg.listenAddr)
	if err != nil {
		return nil, err
	}
	if cfg.socketDir == "" {
		return []net.Listener{tcp}, nil
	}
	unix, err := pgwire.ListenUnix(cfg.socketDir, port(tcp))
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return []net.Listener{tcp, unix}, nil
}

// port is the TCP listener's port, chosen by the system if 0 was asked for.
func port(l net.Listener) string {
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// openStore opens the store, with errors a person can act on.
func openStore(cfg *config, log *slog.Logger) (kv.Store, error) {
	if cfg.store == "memory" {
		return memkv.New(), nil
	}
	store, err := storage.OpenStore(cfg.dataDir, storage.Options{
		MemoryBudget: cfg.memoryMiB << 20, LockMemory: cfg.lockMemoryMiB << 20, IO: ioKinds[cfg.io],
		DurableWrites: durableKinds[cfg.durableWrites], Tables: tableKinds[cfg.tables],
	})
	switch {
	case err == nil:
		log.Info("data directory is open", "io", store.DescribeIO())
		return store, nil
	case errors.Is(err, kv.ErrLocked):
		return nil, fmt.Errorf("data directory %s is in use by another server", cfg.dataDir)
	case errors.Is(err, kv.ErrNewerFormat):
		return nil, fmt.Errorf("data directory %s was written by a newer version of pgz: %w", cfg.dataDir, err)
	case errors.Is(err, kv.ErrReadOnly), errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("data directory %s is not writable: %w", cfg.dataDir, err)
	}
	return nil, fmt.Errorf("cannot open data directory %s: %w", cfg.dataDir, err)
}

// serverSettings are the settings that show how the server was started.
func serverSettings(cfg *config, listeners []net.Listener) map[string]string {
	host, _, _ := net.SplitHostPort(cfg.listenAddr)
	out := map[string]string{
		"listen_addresses": host, "port": port(listeners[0]),
		"unix_socket_directories": cfg.socketDir, "max_connections": strconv.Itoa(cfg.maxConnections),
	}
	if dir, err := filepath.Abs(cfg.dataDir); err == nil && cfg.store == "disk" {
		out["data_directory"] = dir
	}
	for name, value := range cfg.settings {
		out[name] = value
	}
	return out
}

// osUser is the name of who runs the server, "" if the system does not know.
func osUser() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// banner tells a person how to connect.
func banner(w io.Writer, cfg *config, listeners []net.Listener) {
	addr := listeners[0].Addr().(*net.TCPAddr)
	where := "memory only: data is gone when the server ends"
	if cfg.store == "disk" {
		where = "data directory " + cfg.dataDir
	}
	fmt.Fprintf(w, "pgz %s, PostgreSQL 15 compatible, %s\n", version, where)
	fmt.Fprintf(w, "listening on %s", addr)
	if cfg.socketDir != "" {
		fmt.Fprintf(w, " and %s", pgwire.SocketPath(cfg.socketDir, strconv.Itoa(addr.Port)))
	}
	fmt.Fprintf(w, "\n\n    psql -h %s -p %d -U postgres postgres\n\n", addr.IP, addr.Port)
}
