//go:build linux

package slack

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestEveryThread reads the slack of all threads there are, the runtime's
// monitor among them.
func TestEveryThread(t *testing.T) {
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil || len(tasks) < 2 {
		t.Fatalf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		path := filepath.Join("/proc", filepath.Base(task), "timerslack_ns")
		text, err := os.ReadFile(path)
		if os.IsPermission(err) || os.IsNotExist(err) {
			t.Skipf("%s cannot be read here: %v", path, err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || got < Micros*1000 {
			t.Errorf("thread %s has a slack of %d ns, %v; want %d us", filepath.Base(task), got, err, Micros)
		}
	}
}
