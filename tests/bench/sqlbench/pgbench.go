package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/tests/harness"
)

// logSampling is the share of transactions whose latency pgbench logs.
const logSampling = "0.2"

func pgbench(cfg config, s *harness.Server, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(harness.NativeBin(), "pgbench"), args...)
	host := s.Dir
	if cfg.tcp {
		host = "127.0.0.1"
	}
	cmd.Env = append(os.Environ(), "PGHOST="+host, fmt.Sprint("PGPORT=", s.Port), "PGUSER=postgres", "PGDATABASE=postgres")
	cmd.Dir = os.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: pgbench %s: %w\n%s", s.Name, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

func initialise(cfg config, s *harness.Server) error {
	_, err := pgbench(cfg, s, "-i", "-q", "-s", strconv.Itoa(cfg.scale))
	return err
}

// measureCell measures both servers in turn; the row of each is the median
// measurement.
func measureCell(cfg config, servers []*harness.Server, mode, protocol, clients string) ([]row, error) {
	runs := make([][]row, len(servers))
	for range cfg.rounds {
		for i, s := range servers {
			r, err := measure(cfg, s, mode, protocol, clients)
			if err != nil {
				return nil, err
			}
			runs[i] = append(runs[i], r)
		}
	}
	out := make([]row, len(servers))
	for i, rs := range runs {
		sort.Slice(rs, func(a, b int) bool { return rs[a].TPS < rs[b].TPS })
		out[i] = rs[len(rs)/2]
		out[i].MinTPS, out[i].MaxTPS = rs[0].TPS, rs[len(rs)-1].TPS
	}
	return out, nil
}

func measure(cfg config, s *harness.Server, mode, protocol, clients string) (row, error) {
	r := row{Mode: mode, Protocol: protocol, Clients: clients, Server: s.Name}
	logs, err := scratch("", "latency")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(logs)
	out, err := pgbench(cfg, s, "-n", "-c", clients, "-j", "1", "-T", strconv.Itoa(cfg.seconds), "-M", protocol, "-b", mode,
		"--log", "--sampling-rate", logSampling, "--log-prefix", filepath.Join(logs, "l"))
	if err != nil {
		return r, err
	}
	if !strings.Contains(out, "number of failed transactions: 0 ") {
		return r, fmt.Errorf("%s: transactions failed:\n%s", s.Name, out)
	}
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "tps = "); ok {
			if r.TPS, err = strconv.ParseFloat(strings.Fields(rest)[0], 64); err != nil {
				return r, err
			}
		}
	}
	r.P50us, r.P99us, err = percentiles(logs)
	return r, err
}

// percentiles reads the latencies (third column, microseconds) of all logs.
func percentiles(dir string) (p50, p99 float64, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "l*"))
	if err != nil {
		return 0, 0, err
	}
	var all []float64
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return 0, 0, err
		}
		sc := bufio.NewScanner(f)
		for sc.Scan() {
			cols := strings.Fields(sc.Text())
			if len(cols) > 2 {
				if v, err := strconv.ParseFloat(cols[2], 64); err == nil {
					all = append(all, v)
				}
			}
		}
		f.Close()
		if err := sc.Err(); err != nil {
			return 0, 0, err
		}
	}
	if len(all) == 0 {
		return 0, 0, fmt.Errorf("pgbench logged no latencies")
	}
	sort.Float64s(all)
	return all[len(all)/2], all[len(all)*99/100], nil
}
