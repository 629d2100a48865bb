// Package slack makes the Go runtime's monitor thread wake less often. Import
// it for its effect, from the main package of a program that serves clients;
// it concerns the whole process, so nothing else should.
//
// While goroutines are in system calls or in C for more than some 20 us, which
// under load is always, the runtime's monitor (sysmon) sleeps 20 us at a time.
// With the kernel's usual timer slack of 50 us it wakes 14,000 times a second,
// and each wake that finds a thread waiting for its turn on a processor hands
// that thread's goroutines to another one: a tenth of what the server spends on
// small transactions, and more switches. A slack of [Micros] lets the kernel
// put these wakes together.
//
// What it costs: goroutines behind a thread that stays in C or in the kernel,
// reading from a device for example, start up to [Micros] later. Goroutines are
// still preempted after 10 ms. Timers and deadlines of Go are no more exact
// than a millisecond anyway. See docs/decisions/0020.
//
// Threads take their slack from the thread that starts them, and the monitor is
// started before any Go code runs: hence a constructor in C. On systems other
// than Linux nothing happens.
package slack

// #include "slack.h"
import "C"

// Micros is the timer slack in microseconds.
const Micros = C.SLACK_MICROS
