package pgwire

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgzdb/pgz/server/pkg/session"
)

// Config says how a server meets its clients.
type Config struct {
	Sessions       *session.Server
	Log            *slog.Logger
	MaxConnections int           // beyond it clients get 53300
	StartupTimeout time.Duration // for a client to say who it is
}

// maxSurplus bounds the connections beyond MaxConnections that are told so.
const maxSurplus = 4096

// Server serves the clients of its listeners.
type Server struct {
	cfg       Config
	mu        sync.Mutex
	listeners []net.Listener
	conns     map[*conn]struct{}
	closing   bool
	crashed   atomic.Bool
	wg        sync.WaitGroup // connections
}

// New makes a server without listeners.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = 100
	}
	if cfg.StartupTimeout == 0 {
		cfg.StartupTimeout = time.Minute
	}
	return &Server{cfg: cfg, conns: map[*conn]struct{}{}}
}

// Serve accepts clients from l until Shutdown or an error of the listener. It
// owns l from then on.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return l.Close()
	}
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	for {
		c, err := l.Accept()
		if err == nil {
			s.start(c)
			continue
		}
		if s.stopping() || errors.Is(err, net.ErrClosed) {
			return nil
		}
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			continue
		}
		// Out of file descriptors, most likely: others must first go.
		s.cfg.Log.Error("accept failed", "error", err)
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) start(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		nc.Close()
		return
	}
	c.surplus = len(s.conns) >= s.cfg.MaxConnections
	if len(s.conns) >= s.cfg.MaxConnections+maxSurplus {
		// Even saying no costs memory: these are simply hung up on.
		s.mu.Unlock()
		nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wg.Done()
		c.run()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
}

// Crash is Shutdown after a failure of the store: clients are told so.
func (s *Server) Crash(ctx context.Context) error {
	s.crashed.Store(true)
	return s.Shutdown(ctx)
}

// Shutdown stops accepting, ends idle sessions, cancels running statements and
// waits for the connections until ctx ends; then it closes them.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for _, l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.shutdown()
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.nc.Close()
	}
	s.mu.Unlock()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
	return ctx.Err()
}
