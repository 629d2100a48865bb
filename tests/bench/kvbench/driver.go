package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// outcome is one line of a driver (tests/bench/kv/main.cc).
type outcome struct {
	Workload      string  `json:"workload"`
	ValueBytes    int     `json:"value_bytes"`
	Seconds       float64 `json:"seconds"`
	SettleSeconds float64 `json:"settle_seconds"`
	OpsPerSecond  float64 `json:"ops_per_s"`
	P50           float64 `json:"p50_us"`
	P99           float64 `json:"p99_us"`
	P999          float64 `json:"p999_us"`
	Max           float64 `json:"max_us"`
	WAF           float64 `json:"waf"`
	SpaceAmp      float64 `json:"space_amp"`
	CPU           float64 `json:"cpu_s_per_mop"`
	RSS           float64 `json:"rss_bytes"`
}

// driver is a process with one engine's store open.
type driver struct {
	engine    string
	describes string
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	errors    *strings.Builder
}

func startDriver(cfg config, engine string, value int, keys int64) (*driver, error) {
	program := engine
	args := []string{filepath.Join(cfg.dir, engine), fmt.Sprintf("budget=%d", cfg.budget), fmt.Sprintf("keys=%d", keys),
		fmt.Sprintf("value=%d", value), fmt.Sprintf("seconds=%g", cfg.seconds), fmt.Sprintf("threads=%d", cfg.threads), "direct=0"}
	if cfg.direct {
		args[len(args)-1] = "direct=1"
	}
	if engine == blob {
		program = rocks
		args = append(args, "variant=blob")
	}
	if err := os.MkdirAll(cfg.dir, 0o755); err != nil {
		return nil, err
	}
	d := &driver{engine: engine, cmd: exec.Command(filepath.Join(cfg.bin, "kvbench-"+program), args...), errors: &strings.Builder{}}
	d.cmd.Stderr = d.errors
	var err error
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.out = bufio.NewReader(out)
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	d.describes, err = d.line()
	return d, err
}

func (d *driver) line() (string, error) {
	text, err := d.out.ReadString('\n')
	if err != nil {
		d.kill()
		return "", fmt.Errorf("%s stopped: %s", d.engine, strings.TrimSpace(d.errors.String()))
	}
	return strings.TrimSpace(text), nil
}

// run has one workload run and returns what came of it.
func (d *driver) run(workload string) ([]outcome, error) {
	if _, err := fmt.Fprintln(d.in, workload); err != nil {
		return nil, err
	}
	var rows []outcome
	for {
		text, err := d.line()
		if err != nil || text == "" {
			return rows, err
		}
		var row outcome
		if err := json.Unmarshal([]byte(text), &row); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		rows = append(rows, row)
	}
}

// kill ends the process with SIGKILL; a second call does nothing.
func (d *driver) kill() {
	if d.cmd.ProcessState == nil {
		d.cmd.Process.Kill()
		d.cmd.Wait()
	}
}

// reopenAfterKill kills the process and times a new one until its store is
// open.
func reopenAfterKill(cfg config, d *driver, value int, keys int64) (outcome, *driver, error) {
	d.kill()
	start := time.Now()
	again, err := startDriver(cfg, d.engine, value, keys)
	if err != nil {
		return outcome{}, d, err
	}
	seconds := time.Since(start).Seconds()
	us := seconds * 1e6
	return outcome{Workload: "reopen_after_kill", ValueBytes: value, Seconds: seconds, OpsPerSecond: 1 / seconds, P50: us, P99: us,
		P999: us, Max: us}, again, nil
}
