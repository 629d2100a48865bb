//go:build linux

package slack

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const prGetTimerSlack = 30 // linux/prctl.h

// TestOwnThread asks for the slack of threads that the runtime made: what they
// have, they have from those that made them.
func TestOwnThread(t *testing.T) {
	slack := make(chan uintptr)
	for range 4 {
		go func() {
			runtime.LockOSThread() // and not unlocked: the next one needs another thread
			got, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, prGetTimerSlack, 0, 0)
			slack <- got
		}()
	}
	for range 4 {
		if got := <-slack; got < Micros*1000 {
			t.Errorf("a thread has a slack of %d ns, want %d us", got, Micros)
		}
	}
}

// TestEveryThread reads the slack of all threads there are, the runtime's
// monitor among them, where the system lets a process read it.
func TestEveryThread(t *testing.T) {
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil || len(tasks) < 2 {
		t.Fatalf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		path := filepath.Join("/proc", filepath.Base(task), "timerslack_ns")
		text, err := os.ReadFile(path)
		if os.IsPermission(err) || os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || got < Micros*1000 {
			t.Errorf("thread %s has a slack of %d ns, %v; want %d us", filepath.Base(task), got, err, Micros)
		}
	}
}
