// Command kvbench compares pgz's engine with RocksDB, in one run: one driver
// (tests/bench/kv) linked once per engine, the same keys, values and choices,
// the same memory budget, the same durability, the same use of the page cache. The
// engines take turns workload by workload and round by round (A B, B A, A B);
// the table gives medians, ranges and ratios.
//
//	just bench-kv quick                    within 15 minutes
//	just bench-kv full                     both sizes of data, longer measurements
//	just bench-kv quick --values 1024 --append
//
// It writes build/bench/kv.json, and the table to build/bench/kv.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type config struct {
	mode         string
	engines      []string
	values       []int
	debianValues []int
	ratios       []float64
	workloads    []string
	budget       int64
	keysMax      int64
	seconds      float64
	threads      int
	rounds       int
	plain        bool
	direct       bool
	add          bool
	bin          string
	dir          string
	out          string
}

const (
	pgz    = "pgz"
	rocks  = "rocksdb"
	blob   = "rocksdb-blob"
	debian = "rocksdb-debian"
)

// blobMinBytes is where the BlobDB variant begins to differ from plain RocksDB
// (rocksdb_store.cc).
const blobMinBytes = 512

var allWorkloads = []string{"fresh", "load_in_order", "fresh", "load_random", "overwrite", "read_hit", "read_miss", "scan_10",
	"scan_100", "read_while_writing", "ycsb_a", "ycsb_b", "ycsb_c", "ycsb_d", "ycsb_e", "ycsb_f", "sync_1", "sync_8", "sync_64",
	"reopen_after_kill"}

func main() {
	cfg, err := parseFlags(os.Args[1:])
	if err == nil {
		err = run(cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kvbench:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (config, error) {
	c := config{mode: "quick"}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c.mode, args = args[0], args[1:]
	}
	var values, debianValues, ratios, engines, workloads string
	var budgetMiB int64
	f := flag.NewFlagSet("kvbench", flag.ExitOnError)
	f.StringVar(&engines, "engines", strings.Join([]string{pgz, rocks, blob, debian}, ","), "engines, in order")
	f.StringVar(&values, "values", "16,100,512,1024,4096,16384", "sizes of values in bytes")
	f.StringVar(&workloads, "workloads", strings.Join(allWorkloads, ","), "workloads, in order")
	f.StringVar(&c.bin, "bin", "build/bench/bin", "where the drivers are")
	f.StringVar(&c.dir, "dir", "build/bench/data", "where the stores go; must be on the disk to measure")
	f.StringVar(&c.out, "out", "build/bench/kv.json", "where the figures go")
	f.BoolVar(&c.plain, "plain", true, "also the plain load table")
	f.BoolVar(&c.direct, "direct", false, "tables past the page cache on all sides")
	f.BoolVar(&c.add, "append", false, "keep the rows of earlier runs that this one does not measure")
	f.IntVar(&c.threads, "threads", 2, "threads of the read and YCSB workloads")
	switch c.mode {
	case "quick":
		f.StringVar(&ratios, "ratios", "5", "sizes of data as multiples of the memory budget")
		f.StringVar(&debianValues, "debian-values", "1024", "sizes of values the Debian build is measured with")
		f.Int64Var(&budgetMiB, "budget-mib", 16, "memory for cache and memtables")
		f.Int64Var(&c.keysMax, "keys-max", 250_000, "at most so many keys, whatever the budget")
		f.Float64Var(&c.seconds, "seconds", 0.3, "seconds a timed workload")
		f.IntVar(&c.rounds, "rounds", 3, "measurements of each engine a row")
	case "full":
		f.StringVar(&ratios, "ratios", "0.5,5", "sizes of data as multiples of the memory budget")
		f.StringVar(&debianValues, "debian-values", "16,100,512,1024,4096,16384", "sizes of values the Debian build is measured with")
		f.Int64Var(&budgetMiB, "budget-mib", 256, "memory for cache and memtables")
		f.Int64Var(&c.keysMax, "keys-max", 20_000_000, "at most so many keys, whatever the budget")
		f.Float64Var(&c.seconds, "seconds", 10, "seconds a timed workload")
		f.IntVar(&c.rounds, "rounds", 3, "measurements of each engine a row")
	default:
		return c, fmt.Errorf("%q is neither quick nor full", c.mode)
	}
	if err := f.Parse(args); err != nil {
		return c, err
	}
	c.budget = budgetMiB << 20
	c.engines, c.workloads = split(engines), split(workloads)
	var err error
	if c.values, err = numbers(values, strconv.Atoi); err != nil {
		return c, err
	}
	if c.debianValues, err = numbers(debianValues, strconv.Atoi); err != nil {
		return c, err
	}
	c.ratios, err = numbers(ratios, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	return c, err
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func numbers[T any](list string, parse func(string) (T, error)) ([]T, error) {
	var out []T
	for _, word := range split(list) {
		n, err := parse(word)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// keys is how many pairs of that size make the data the wanted multiple of the
// budget.
func (c config) keys(value int, ratio float64) int64 {
	n := int64(ratio * float64(c.budget) / float64(16+value))
	return max(1000, min(n, c.keysMax))
}

// enginesFor leaves out what would only repeat another row.
func (c config) enginesFor(value int) []string {
	var out []string
	for _, e := range c.engines {
		if e == blob && value < blobMinBytes {
			continue
		}
		if e == debian && !contains(c.debianValues, value) {
			continue
		}
		out = append(out, e)
	}
	return out
}

func contains[T comparable](list []T, x T) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

func run(cfg config) error {
	fig, err := newFigures(cfg)
	if err != nil {
		return err
	}
	start := time.Now()
	if cfg.plain {
		if err := plain(cfg, fig); err != nil {
			return err
		}
	}
	for _, ratio := range cfg.ratios {
		for _, value := range cfg.values {
			if err := measure(cfg, fig, value, ratio); err != nil {
				return err
			}
			if err := fig.write(cfg.out); err != nil {
				return err
			}
		}
	}
	if err := fig.write(cfg.out); err != nil {
		return err
	}
	table := fig.markdown()
	fmt.Printf("\n%s\n%.0f s in all\n", table, time.Since(start).Seconds())
	return os.WriteFile(strings.TrimSuffix(cfg.out, filepath.Ext(cfg.out))+".md", []byte(table), 0o644)
}

// measure fills the rows of one size of values and data.
func measure(cfg config, fig *figures, value int, ratio float64) error {
	engines := cfg.enginesFor(value)
	keys := cfg.keys(value, ratio)
	set := newSamples()
	for round := range cfg.rounds {
		fmt.Fprintf(os.Stderr, "kvbench: values of %d bytes, %d keys, round %d of %d:", value, keys, round+1, cfg.rounds)
		if err := takeTurns(cfg, fig, set, engines, round, value, keys); err != nil {
			return err
		}
	}
	fig.add(set, ratio, keys)
	return nil
}

// takeTurns runs every workload on every engine once; each round begins with
// another engine.
func takeTurns(cfg config, fig *figures, set *samples, engines []string, round, value int, keys int64) error {
	drivers := map[string]*driver{}
	defer func() {
		for _, d := range drivers {
			d.kill()
		}
		os.RemoveAll(cfg.dir)
	}()
	for _, e := range engines {
		d, err := startDriver(cfg, e, value, keys)
		if err != nil {
			return err
		}
		drivers[e] = d
		fig.Versions[e] = d.describes
	}
	for _, workload := range cfg.workloads {
		if workload != "fresh" {
			fmt.Fprint(os.Stderr, " ", workload)
		}
		for i := range engines {
			e := engines[(i+round)%len(engines)]
			if workload == "reopen_after_kill" {
				row, d, err := reopenAfterKill(cfg, drivers[e], value, keys)
				if err != nil {
					return err
				}
				drivers[e] = d
				set.add(e, row)
				continue
			}
			rows, err := drivers[e].run(workload)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", e, workload, err)
			}
			for _, r := range rows {
				set.add(e, r)
			}
		}
	}
	fmt.Fprintln(os.Stderr)
	return nil
}

// plain measures the load of 100,000 pairs into an empty store.
func plain(cfg config, fig *figures) error {
	const keys = 100_000
	set := newSamples()
	for round := range cfg.rounds {
		fmt.Fprintf(os.Stderr, "kvbench: plain loads of %d keys, round %d of %d\n", keys, round+1, cfg.rounds)
		plainCfg := cfg
		plainCfg.workloads = []string{"plain_8", "plain_64", "plain_1024"}
		plainCfg.budget = 256 << 20 // what the table compares with keeps all of it in memory
		engines := []string{}
		for _, e := range cfg.engines {
			if e == pgz || e == rocks {
				engines = append(engines, e)
			}
		}
		if err := takeTurns(plainCfg, fig, set, engines, round, 64, keys); err != nil {
			return err
		}
	}
	fig.add(set, 0, keys)
	return nil
}
