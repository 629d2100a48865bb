// Command sqlbench compares pgz with a native PostgreSQL under pgbench, in
// one run: both servers on the same disk with a flush per commit, the same
// clients, measured in turn (native, pgz, native, pgz ...), medians and range
// of each, and the ratios.
//
//	just bench                   the table of docs/performance.md
//	just bench --quick           a few seconds a cell
//	just bench --clients 8 --modes select-only --protocols prepared
//	just bench --only copy       COPY of 10 million rows in one transaction, peak memory,
//	                             space after a rollback and after kill -9
//
// It also measures pgbench's initialisation, the time from an empty directory
// to the first answer, and resident memory, and writes everything to
// build/bench/sql.json.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

type config struct {
	scale     int
	seconds   int
	rounds    int
	tcp       bool
	clients   []string
	protocols []string
	modes     []string
	out       string
	dir       string
	only      string // "copy" or everything but that
	rows      int
	copyCase  string
}

func main() {
	cleanUpOnSignal()
	err := run()
	cleanUp()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sqlbench:", err)
		os.Exit(1)
	}
}

func parseFlags() config {
	var c config
	var clients, protocols, modes, bin string
	var quick bool
	network := "unix"
	flag.IntVar(&c.scale, "scale", 20, "pgbench scale factor")
	flag.IntVar(&c.seconds, "seconds", 10, "seconds a measurement")
	flag.IntVar(&c.rounds, "rounds", 3, "measurements of each server a cell")
	flag.StringVar(&clients, "clients", "1,8,32", "numbers of clients")
	flag.StringVar(&protocols, "protocols", "simple,extended,prepared", "protocols")
	flag.StringVar(&modes, "modes", "select-only,tpcb-like", "pgbench scripts")
	flag.StringVar(&c.out, "out", "build/bench/sql.json", "where the figures go")
	flag.StringVar(&c.dir, "dir", "", "where the data directories go (default: a temporary directory)")
	flag.StringVar(&bin, "bin", "", "folder of pgz-server (default build/bin)")
	flag.StringVar(&network, "network", network, "how pgbench connects: unix or tcp (loopback)")
	flag.StringVar(&c.only, "only", "", "copy: measure COPY instead of pgbench")
	flag.IntVar(&c.rows, "rows", 10_000_000, "rows of a COPY")
	flag.StringVar(&c.copyCase, "case", "", "only COPY cases whose name contains this (undone: rollback and kill -9)")
	flag.BoolVar(&quick, "quick", false, "scale 5, 3 seconds, 2 rounds")
	flag.Parse()
	if c.only != "" && c.only != "copy" {
		fmt.Fprintf(os.Stderr, "sqlbench: --only %s is not copy\n", c.only)
		os.Exit(2)
	}
	c.tcp = network == "tcp"
	if !c.tcp && network != "unix" {
		fmt.Fprintf(os.Stderr, "sqlbench: --network %s is neither unix nor tcp\n", network)
		os.Exit(2)
	}
	if quick {
		c.scale, c.seconds, c.rounds = 5, 3, 2
	}
	if bin != "" {
		if abs, err := filepath.Abs(bin); err == nil {
			os.Setenv("PGZ_BIN", abs)
		}
	}
	c.clients, c.protocols, c.modes = strings.Split(clients, ","), strings.Split(protocols, ","), strings.Split(modes, ",")
	return c
}

// figures is the file that is written.
type figures struct {
	Machine  string     `json:"machine"`
	Date     string     `json:"date"`
	Network  string     `json:"network"`
	Scale    int        `json:"scale"`
	Seconds  int        `json:"seconds"`
	Rounds   int        `json:"rounds"`
	Versions []string   `json:"versions"`
	Start    []startRow `json:"start"`
	Rows     []row      `json:"rows"`
	Copy     []copyRow  `json:"copy,omitempty"`
}

type startRow struct {
	Server         string  `json:"server"`
	FirstAnswerMS  float64 `json:"first_answer_ms"`
	IdleRSSMiB     float64 `json:"idle_rss_mib"`
	InitSeconds    float64 `json:"init_seconds"`
	InitPeakRSSMiB float64 `json:"init_peak_rss_mib"`
}

type row struct {
	Mode     string  `json:"mode"`
	Protocol string  `json:"protocol"`
	Clients  string  `json:"clients"`
	Server   string  `json:"server"`
	TPS      float64 `json:"tps"`
	MinTPS   float64 `json:"min_tps"`
	MaxTPS   float64 `json:"max_tps"`
	P50us    float64 `json:"p50_us"`
	P99us    float64 `json:"p99_us"`
}

func (c config) network() string {
	if c.tcp {
		return "TCP on loopback"
	}
	return "unix socket"
}

func run() error {
	cfg := parseFlags()
	if harness.NativeBin() == "" {
		return fmt.Errorf("no native PostgreSQL 15 to compare with (Debian package postgresql-15)")
	}
	if cfg.only == "copy" {
		return copyBench(cfg)
	}
	fig := figures{Machine: fmt.Sprintf("%d cores, %s", runtime.NumCPU(), runtime.GOOS), Date: time.Now().Format("2006-01-02"),
		Network: cfg.network(), Scale: cfg.scale, Seconds: cfg.seconds, Rounds: cfg.rounds}
	servers, err := startBoth(cfg, &fig)
	if err != nil {
		return err
	}
	for _, mode := range cfg.modes {
		for _, protocol := range cfg.protocols {
			for _, clients := range cfg.clients {
				rows, err := measureCell(cfg, servers, mode, protocol, clients)
				if err != nil {
					return err
				}
				fig.Rows = append(fig.Rows, rows...)
				printCell(rows)
			}
		}
	}
	for _, s := range servers {
		if err := checkSums(s); err != nil {
			return err
		}
	}
	fmt.Println("\nthe four balance sums agree on both servers")
	return write(cfg.out, fig)
}

// startBoth starts the servers and loads pgbench's tables.
func startBoth(cfg config, fig *figures) ([]*harness.Server, error) {
	fmt.Printf("scale %d, %d s x %d rounds a cell, servers in turn, %s, a flush per commit on both sides\n\n",
		cfg.scale, cfg.seconds, cfg.rounds, cfg.network())
	fmt.Printf("%-8s %14s %10s %14s %14s\n", "server", "first answer", "idle RSS", "pgbench -i", "peak RSS")
	var servers []*harness.Server
	for _, name := range []string{"native", "pgz"} {
		dir, err := scratch(cfg.dir, name)
		if err != nil {
			return servers, err
		}
		began := time.Now()
		var s *harness.Server
		if name == "native" {
			s, err = startNative(dir)
		} else {
			s, err = startPgz(dir)
		}
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
		r := startRow{Server: name, FirstAnswerMS: float64(time.Since(began).Microseconds()) / 1000}
		time.Sleep(500 * time.Millisecond)
		idle, err := s.MemoryBytes("VmRSS")
		if err != nil {
			return servers, err
		}
		began = time.Now()
		if err := initialise(cfg, s); err != nil {
			return servers, err
		}
		r.InitSeconds = time.Since(began).Seconds()
		peak, err := s.MemoryBytes("VmHWM")
		if err != nil {
			return servers, err
		}
		r.IdleRSSMiB, r.InitPeakRSSMiB = float64(idle)/(1<<20), float64(peak)/(1<<20)
		fig.Start = append(fig.Start, r)
		fig.Versions = append(fig.Versions, name+" "+s.Version)
		fmt.Printf("%-8s %11.1f ms %6.1f MiB %12.1f s %10.1f MiB\n", name, r.FirstAnswerMS, r.IdleRSSMiB, r.InitSeconds, r.InitPeakRSSMiB)
	}
	fmt.Println("(native: first answer includes initdb, memory is the postmaster's alone)")
	fmt.Printf("\n%-12s %-9s %3s  %30s  %30s  %6s %6s\n", "script", "protocol", "c", "native tps (range) p99", "pgz tps (range) p99", "ratio", "p99")
	return servers, nil
}

func printCell(rows []row) {
	n, p := rows[0], rows[1]
	show := func(r row) string {
		return fmt.Sprintf("%.0f (%.0f-%.0f) %.1f ms", r.TPS, r.MinTPS, r.MaxTPS, r.P99us/1000)
	}
	fmt.Printf("%-12s %-9s %3s  %30s  %30s  %5.2fx %5.2fx\n", n.Mode, n.Protocol, n.Clients, show(n), show(p), p.TPS/n.TPS, p.P99us/n.P99us)
}

// checkSums verifies TPC-B's invariant.
func checkSums(s *harness.Server) error {
	ctx := context.Background()
	c, err := pgconn.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	res := c.ExecParams(ctx, `SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),
		(SELECT sum(bbalance) FROM pgbench_branches), (SELECT coalesce(sum(delta), 0) FROM pgbench_history)`, nil, nil, nil, nil).Read()
	if res.Err != nil {
		return res.Err
	}
	v := res.Rows[0]
	for _, b := range v[1:] {
		if string(b) != string(v[0]) {
			return fmt.Errorf("%s: the balance sums differ: %s", s.Name, v)
		}
	}
	return nil
}

func write(path string, fig figures) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(fig, "", "  ")
	if err != nil {
		return err
	}
	fmt.Println("wrote", path)
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
