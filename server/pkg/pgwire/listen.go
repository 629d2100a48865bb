package pgwire

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ListenTCP opens host:port. Without password authentication only loopback
// addresses are allowed.
func ListenTCP(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", addr, err)
	}
	if !loopbackHost(host) {
		return nil, fmt.Errorf("cannot listen on %q: without password authentication only loopback "+
			"addresses (127.0.0.1, ::1, localhost) are allowed", addr)
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("cannot listen on %s: the port is taken by another program", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	return l, nil
}

func loopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// SocketPath is where clients look for the Unix socket of a port.
func SocketPath(dir, port string) string { return filepath.Join(dir, ".s.PGSQL."+port) }

// ListenUnix opens the Unix socket for port in dir. A socket that nobody
// answers on is a dead server's and is replaced.
func ListenUnix(dir, port string) (net.Listener, error) {
	path := SocketPath(dir, port)
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if c, dialErr := net.DialTimeout("unix", path, time.Second); dialErr == nil {
			c.Close()
			return nil, fmt.Errorf("cannot listen on %s: the socket is taken by another server", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("cannot remove the old socket: %w", err)
		}
		l, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	return l, nil
}
