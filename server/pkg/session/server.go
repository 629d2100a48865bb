package session

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	_ "github.com/pgzdb/pgz/server/pkg/builtin" // registers the functions
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/ddl"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/settings"
)

// Options are what sessions of one server share.
type Options struct {
	Store kv.Store
	Log   *slog.Logger
	// Settings are values for settings of the table that differ from their
	// defaults: from flags and the configuration file.
	Settings map[string]string
	TempDir  string // for spilled rows; "": the system's
	// OSUser gets a superuser role, so that the person who started the server
	// can connect without naming one.
	OSUser string
	// OnStoreStopped, if any, is called once, when a statement finds that the
	// store has stopped after a failure: nothing can be served until it is
	// opened again. The error says what failed.
	OnStoreStopped func(error)
}

// Server holds what sessions share: the store, the catalog, who is connected.
type Server struct {
	store     kv.Store
	catalog   *catalog.Cache
	rowIDs    *exec.RowIDs
	sequences *ddl.Sequences
	xids      xids
	exports   exports
	twoPhase  twoPhase
	log       *slog.Logger
	opts      Options
	started   time.Time
	stopped   sync.Once

	mu       sync.Mutex
	sessions map[int32]*Session
	lastPID  int32
}

// Startup is what a client says of itself, and where replies go.
type Startup struct {
	User, Database string
	Settings       map[string]string // by name as the client wrote it, unchecked
	ClientHost     string            // "" on a Unix socket
	ClientPort     int
	Out            *Out
	Copy           CopySource
	// HangUp makes the connection look at once whether it is to end; it may be
	// called from any goroutine.
	HangUp func()
}

// CopySource is where COPY FROM STDIN reads.
type CopySource interface {
	// ReadCopy returns the next piece of data, valid until the next call;
	// done once the client has ended it.
	ReadCopy() (chunk []byte, done bool, err error)
}

// NewServer opens the catalog of a store, creating it in an empty one.
func NewServer(opts Options) (*Server, error) {
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	cat, err := openCatalog()
	if err != nil {
		return nil, err
	}
	srv := &Server{
		store: opts.Store, catalog: cat, rowIDs: exec.NewRowIDs(), sequences: ddl.NewSequences(), log: opts.Log, opts: opts,
		started: time.Now(), sessions: map[int32]*Session{}, twoPhase: twoPhase{list: map[string]*preparedTxn{}},
	}
	if err := bootstrap(srv); err != nil {
		return nil, err
	}
	if err := srv.twoPhase.recover(srv.store); err != nil {
		return nil, err
	}
	return srv, nil
}

// Close writes down what is only known in memory. All sessions have ended, and the
// store is still open.
func (srv *Server) Close(ctx context.Context) error { return srv.sequences.Settle(ctx, srv.store) }

// Open starts a client's session. Its errors end the connection.
func (srv *Server) Open(info Startup) (*Session, error) {
	s := &Session{
		srv: srv, out: info.Out, copySource: info.Copy, hangUp: info.HangUp,
		prepared: map[string]*statement{}, portals: map[string]*portal{},
		clientHost: info.ClientHost, clientPort: info.ClientPort,
		startedAt: time.Now(),
	}
	s.hooks.onWait, s.hooks.owned, s.hooks.behind, s.hooks.changing = s.onWait, s.ownedStorage, s.behind, s.changing
	var key [4]byte
	if _, err := crand.Read(key[:]); err != nil {
		return nil, pgerr.Fatal(pgerr.InternalError, "no random numbers: %v", err)
	}
	s.cancelKey = binary.BigEndian.Uint32(key[:])
	if err := s.identify(info.User, info.Database); err != nil {
		return nil, err
	}
	if err := s.initSettings(info); err != nil {
		return nil, err
	}
	srv.register(s)
	return s, nil
}

// storeStopped passes on why the store has stopped: what it says itself, or
// what a statement was told.
func (srv *Server) storeStopped(told error) {
	srv.stopped.Do(func() {
		if snapshot, err := srv.store.Snapshot(); err != nil {
			told = err
		} else {
			snapshot.Release()
		}
		srv.log.Error("the store has stopped", "error", told)
		if srv.opts.OnStoreStopped != nil {
			srv.opts.OnStoreStopped(told)
		}
	})
}

// register gives the session its process id, unique among the living.
func (srv *Server) register(s *Session) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	for {
		srv.lastPID++
		if srv.lastPID <= 0 {
			srv.lastPID = 1
		}
		if srv.sessions[srv.lastPID] == nil {
			break
		}
	}
	s.pid = srv.lastPID
	srv.sessions[s.pid] = s
}

func (srv *Server) unregister(s *Session) {
	srv.mu.Lock()
	delete(srv.sessions, s.pid)
	srv.mu.Unlock()
}

func (srv *Server) find(pid int32) *Session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.sessions[pid]
}

// Cancel interrupts what the session with that process id and key is doing. A
// wrong key is passed over in silence, as in PostgreSQL.
func (srv *Server) Cancel(pid int32, key uint32) {
	if s := srv.find(pid); s != nil && s.cancelKey == key {
		s.intr.cancel(pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request"))
	}
}

// initSettings checks the settings of the start-up packet and makes the
// session's values.
func (s *Session) initSettings(info Startup) error {
	base := map[string]string{}
	for name, value := range s.srv.opts.Settings {
		base[name] = value
	}
	for name, value := range info.Settings {
		d := settings.Lookup(name)
		if d == nil {
			// Custom settings are checked by Set below; anything else is unknown.
			probe := settings.NewSession(nil)
			if err := probe.Set(name, value, false, true); err != nil {
				return fatalError(err)
			}
			base[name] = value
			continue
		}
		if d.Context < settings.SuperuserBackend || d.Context < settings.User && !s.role.superuser {
			return fatalError(settings.NewSession(nil).Set(name, value, false, s.role.superuser))
		}
		canonical, err := d.Check(name, value)
		if err != nil {
			return fatalError(err)
		}
		base[d.Name] = canonical
	}
	base["session_authorization"] = s.role.name
	base["is_superuser"] = "off"
	if s.role.superuser {
		base["is_superuser"] = "on"
	}
	s.settings = settings.NewSession(base)
	return nil
}

func fatalError(err error) error {
	if err == nil {
		return nil
	}
	e := pgerr.From(err).Clone()
	e.Severity = pgerr.SeverityFatal
	return e
}
