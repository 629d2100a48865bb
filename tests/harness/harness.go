// Package harness starts servers for tests and benchmarks: the native
// PostgreSQL to compare with, and pgz. Each lives in a scratch directory, on
// the loopback interface and a Unix socket of its own, and is ended by its
// pid. A native server that is not version 15 is refused.
package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Server is a running server process.
type Server struct {
	Name    string // "native" or "pgz"
	Port    int
	Dir     string // scratch directory: data, socket, log
	Version string
	cmd     *exec.Cmd
	exited  chan struct{}
	logPath string
}

// startTimeout bounds the wait for a server's first answer.
const startTimeout = 20 * time.Second

// NativeBin returns the folder of the native server's programs: $PGZ_PG_BIN,
// or Debian's place for version 15; "" if there is none.
func NativeBin() string {
	dir := os.Getenv("PGZ_PG_BIN")
	if dir == "" {
		dir = "/usr/lib/postgresql/15/bin"
	}
	if _, err := os.Stat(filepath.Join(dir, "postgres")); err != nil {
		return ""
	}
	return dir
}

// RepoRoot returns the top of the repository, found from the working
// directory upwards.
func RepoRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no go.mod above the working directory")
}

// PgzBin returns the path of the pgz-server program: $PGZ_BIN/pgz-server, or
// build/bin/pgz-server of the repository.
func PgzBin() (string, error) {
	dir := os.Getenv("PGZ_BIN")
	if dir == "" {
		root, err := RepoRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "build", "bin")
	}
	path := filepath.Join(dir, "pgz-server")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("pgz-server is not built (just build): %w", err)
	}
	return path, nil
}

// StartNative creates a cluster (C locale, UTF8, trust) under dir and starts
// it with the extra settings ("name=value").
func StartNative(dir string, settings ...string) (*Server, error) {
	bin := NativeBin()
	if bin == "" {
		return nil, errors.New("no native PostgreSQL 15 (Debian package postgresql-15)")
	}
	cred, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "--locale=C", "-E", "UTF8",
		"-A", "trust", "-U", "postgres", "--no-sync")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	args := []string{"-D", data, "-p", strconv.Itoa(port), "-k", dir, "-c", "listen_addresses=127.0.0.1"}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	s := &Server{Name: "native", Port: port, Dir: dir}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	s.cmd.Dir = dir
	if err := s.start(); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(s.Version, "15.") {
		return nil, errors.Join(fmt.Errorf("the native server is version %s, not 15", s.Version), s.Stop())
	}
	return s, nil
}

// unprivileged returns whom to run a native server as (nil: as ourselves),
// and makes dir theirs. PostgreSQL refuses to run as root.
func unprivileged(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, err
	}
	for p := dir; p != "/" && p != os.TempDir(); p = filepath.Dir(p) {
		if st, err := os.Stat(p); err == nil && p != dir {
			if err := os.Chmod(p, st.Mode()|0o011); err != nil {
				return nil, err
			}
		}
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// StartPgz starts pgz-server with its data under dir/data, creating or
// reopening it, and the extra flags.
func StartPgz(dir string, flags ...string) (*Server, error) {
	bin, err := PgzBin()
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	s := &Server{Name: "pgz", Port: port, Dir: dir}
	args := append([]string{"--data-dir", filepath.Join(dir, "data"),
		"--listen-addr", fmt.Sprint("127.0.0.1:", port), "--socket-dir", dir}, flags...)
	s.cmd = exec.Command(bin, args...)
	s.cmd.Dir = dir
	return s, s.start()
}

// start runs the command and waits until the server answers a query.
func (s *Server) start() error {
	s.logPath = filepath.Join(s.Dir, s.Name+".log")
	log, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.exited = make(chan struct{})
	go func() {
		_ = s.cmd.Wait() // the exit status is in cmd.ProcessState
		close(s.exited)
	}()
	deadline := time.Now().Add(startTimeout)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		c, err := pgconn.Connect(ctx, s.DSN())
		cancel()
		if err == nil {
			s.Version = c.ParameterStatus("server_version")
			return c.Close(context.Background())
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%s exited at start: %s", s.Name, s.LogTail())
		default:
		}
		if time.Now().After(deadline) {
			s.Kill()
			return fmt.Errorf("%s did not answer within %v: %w: %s", s.Name, startTimeout, err, s.LogTail())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// DSN returns a connection string over TCP.
func (s *Server) DSN() string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable", s.Port)
}

// Pid returns the server's process id.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Kill ends the server with SIGKILL and waits for it.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have exited already
	<-s.exited
}

// Stop ends the server gracefully and returns an error unless it exits with
// status 0 within 15 seconds.
func (s *Server) Stop() error {
	sig := syscall.SIGTERM
	if s.Name == "native" {
		sig = syscall.SIGINT // fast shutdown
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	select {
	case <-s.exited:
	case <-time.After(15 * time.Second):
		s.Kill()
		return fmt.Errorf("%s did not stop within 15 s: %s", s.Name, s.LogTail())
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s exited with status %d: %s", s.Name, code, s.LogTail())
	}
	return nil
}

// Wait waits until the server has exited by itself. Its error says that it has
// not within limit, or that its status is not 0.
func (s *Server) Wait(limit time.Duration) error {
	select {
	case <-s.exited:
	case <-time.After(limit):
		return fmt.Errorf("%s goes on after %v", s.Name, limit)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s exited with status %d", s.Name, code)
	}
	return nil
}

// LogTail returns the end of the server's log.
func (s *Server) LogTail() string {
	b, err := os.ReadFile(s.logPath)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// MemoryBytes returns a figure of /proc/PID/status: VmRSS or VmHWM.
func (s *Server) MemoryBytes(field string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Pid()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc/%d/status", field, s.Pid())
}

var freePort sync.Mutex

// FreePort returns a TCP port of the loopback interface nobody listens on.
func FreePort() (int, error) {
	freePort.Lock()
	defer freePort.Unlock()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// ScratchDir makes a new directory for one server, short enough for a Unix
// socket's path and reachable by the user the native server runs as.
func ScratchDir(name string) (string, error) {
	dir, err := os.MkdirTemp("", "pgz-"+name+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}
