package pgwire

import (
	"encoding/binary"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/session"
)

// Request codes that stand in the place of a protocol version.
const (
	cancelCode = 80877102
	sslCode    = 80877103
	gssCode    = 80877104
)

// startUp reads packets until the client has said who it is, and opens its
// session. A nil session without error is a connection that is done (a cancel
// request, or a client that left).
func (c *conn) startUp() (*session.Session, error) {
	_ = c.nc.SetReadDeadline(time.Now().Add(c.srv.cfg.StartupTimeout))
	encryptionAsked := 0
	for {
		packet, err := c.in.startup()
		if err == errGone {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		version := binary.BigEndian.Uint32(packet)
		switch version {
		case sslCode, gssCode:
			if encryptionAsked++; encryptionAsked > 2 {
				return nil, pgerr.Fatal(pgerr.ProtocolViolation, "encryption was refused already")
			}
			c.out.Buf = append(c.out.Buf, 'N')
			if c.out.Flush() != nil {
				return nil, nil
			}
			continue
		case cancelCode:
			if len(packet) == 12 {
				c.srv.cfg.Sessions.Cancel(int32(binary.BigEndian.Uint32(packet[4:])),
					binary.BigEndian.Uint32(packet[8:]))
			}
			return nil, nil
		}
		if version>>16 != 3 {
			return nil, pgerr.Fatal(pgerr.FeatureNotSupportedCode,
				"unsupported frontend protocol %d.%d: server supports 3.0 to 3.0", version>>16, version&0xFFFF)
		}
		return c.open(version, packet[4:])
	}
}

// open reads the start-up parameters and starts the session.
func (c *conn) open(version uint32, packet []byte) (*session.Session, error) {
	info, unknown, err := parseStartup(packet)
	if err != nil {
		return nil, err
	}
	if c.surplus {
		return nil, pgerr.Fatal(pgerr.TooManyConnections, "sorry, too many clients already")
	}
	if c.srv.stopping() {
		return nil, pgerr.Fatal(pgerr.CannotConnectNow, "the database system is shutting down")
	}
	if tcp, ok := c.nc.RemoteAddr().(*net.TCPAddr); ok {
		info.ClientHost, info.ClientPort = tcp.IP.String(), tcp.Port
		if !tcp.IP.IsLoopback() {
			return nil, pgerr.Fatal(pgerr.InvalidAuthorizationSpecification,
				`no pg_hba.conf entry for host "%s", user "%s", database "%s", no encryption`,
				info.ClientHost, info.User, info.Database)
		}
	}
	if version&0xFFFF > 0 || len(unknown) > 0 {
		c.out.Send(&pgproto3.NegotiateProtocolVersion{UnrecognizedOptions: unknown})
	}
	info.Out, info.Copy, info.HangUp = &c.out, c, c.hangUp
	s, err := c.srv.cfg.Sessions.Open(info)
	if err != nil {
		return nil, err
	}
	c.out.Send(&pgproto3.AuthenticationOk{})
	s.Settings().ReportAll(c.out.Parameter)
	pid, key := s.CancelKey()
	c.out.Send(&pgproto3.BackendKeyData{
		ProcessID: uint32(pid), SecretKey: binary.BigEndian.AppendUint32(nil, key),
	})
	c.out.Ready('I')
	_ = c.nc.SetReadDeadline(time.Time{})
	return s, nil
}

// parseStartup reads the pairs of a start-up message. unknown are the protocol
// options nobody here knows.
func parseStartup(packet []byte) (info session.Startup, unknown []string, err error) {
	b := body{b: packet}
	info.Settings = map[string]string{}
	for {
		name := string(b.str())
		if name == "" {
			break
		}
		value := string(b.str())
		switch {
		case name == "user":
			info.User = value
		case name == "database":
			info.Database = value
		case name == "options":
			if err := parseOptions(value, info.Settings); err != nil {
				return info, nil, err
			}
		case name == "replication":
			if value != "" && value != "false" && value != "off" && value != "0" && value != "no" {
				return info, nil, fatal(pgerr.FeatureNotSupported("replication"))
			}
		case strings.HasPrefix(name, "_pq_."):
			unknown = append(unknown, name)
		default:
			info.Settings[name] = value
		}
	}
	if b.bad || len(b.b) != 0 {
		return info, nil, pgerr.Fatal(pgerr.ProtocolViolation,
			"invalid startup packet layout: expected terminator as last byte")
	}
	if info.User == "" {
		return info, nil, pgerr.Fatal(pgerr.InvalidAuthorizationSpecification,
			"no PostgreSQL user name specified in startup packet")
	}
	if info.Database == "" {
		info.Database = info.User
	}
	return info, unknown, nil
}

// parseOptions reads the command-line options a client may send: -c name=value
// and --name=value. A backslash hides a blank.
func parseOptions(text string, settings map[string]string) error {
	words := splitOptions(text)
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-c" && i+1 < len(words):
			i++
			w = words[i]
		case strings.HasPrefix(w, "-c"):
			w = w[2:]
		case strings.HasPrefix(w, "--"):
			w = w[2:]
		default:
			return pgerr.Fatal(pgerr.SyntaxError, "invalid command-line argument for server process: %s", w)
		}
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return pgerr.Fatal(pgerr.SyntaxError, "-c %s requires a value", w)
		}
		settings[strings.ReplaceAll(name, "-", "_")] = value
	}
	return nil
}

func splitOptions(text string) []string {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			inWord = true
		case c == ' ' || c >= '\t' && c <= '\r':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// fatal raises an error to one that ends the connection.
func fatal(e *pgerr.Error) *pgerr.Error {
	f := e.Clone()
	f.Severity = pgerr.SeverityFatal
	return f
}
