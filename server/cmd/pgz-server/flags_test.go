package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseFlags(t *testing.T) {
	cfg, err := parseFlags(strings.Fields("--data-dir d --listen-addr 127.0.0.1:0 --set work_mem=8MB --set TimeZone=utc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.dataDir != "d" || cfg.settings["work_mem"] != "8192" || cfg.settings["TimeZone"] != "UTC" || cfg.store != "disk" {
		t.Errorf("got %+v", cfg)
	}
	for args, want := range map[string]string{
		"--nope":                       "not defined",
		"extra":                        `unexpected argument "extra"`,
		"--store tape":                 "disk or memory",
		"--max-connections 0":          "at least 1",
		"--listen-addr nowhere":        "--listen-addr",
		"--set work_mem":               "name=value",
		"--set work_mem=x":             `invalid value for parameter "work_mem"`,
		"--set nope=1":                 "unrecognized configuration parameter",
		"--set server_version=1":       "cannot be changed",
		"--set max_connections=5":      "--max-connections decides",
		"--set port=6000":              "--listen-addr decides",
		"--max-connections 262144":     "at most 262143",
		"--memory 17592186044416":      "--memory is at most", // 2^64 bytes
		"--lock-memory 17592186044417": "--lock-memory is at most",
		"--debug-addr 0.0.0.0:6060":    "loopback",
		"--debug-addr 192.168.1.1:60":  "loopback",
	} {
		if _, err := parseFlags(strings.Fields(args), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

func TestHelpListsEveryFlag(t *testing.T) {
	var out bytes.Buffer
	if _, err := parseFlags([]string{"--help"}, &out); err != errHelp {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{"data-dir", "listen-addr", "socket-dir", "store", "max-connections", "memory",
		"lock-memory", "io", "durable-writes", "tables", "debug-addr", "set", "verbose", "version"} {
		if !strings.Contains(out.String(), "-"+name+" ") && !strings.Contains(out.String(), "-"+name+"\n") {
			t.Errorf("--%s is not explained", name)
		}
	}
}
