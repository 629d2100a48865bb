package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"
)

// figures is the file that is written.
type figures struct {
	Machine  string            `json:"machine"`
	Date     string            `json:"date"`
	Mode     string            `json:"mode"`
	Settings string            `json:"settings"`
	Versions map[string]string `json:"versions"`
	Rows     []row             `json:"rows"`
}

// row is one cell: medians over the rounds, and the range of the rate.
type row struct {
	Workload     string  `json:"workload"`
	ValueBytes   int     `json:"value_bytes"`
	Engine       string  `json:"engine"`
	OpsPerSecond float64 `json:"ops_per_s"`
	P50          float64 `json:"p50_us"`
	P99          float64 `json:"p99_us"`
	P999         float64 `json:"p999_us"`
	WAF          float64 `json:"waf"`
	SpaceAmp     float64 `json:"space_amp"`
	CPU          float64 `json:"cpu_s_per_mop"`
	Min          float64 `json:"min_ops_per_s"`
	Max          float64 `json:"max_ops_per_s"`
	MaxLatency   float64 `json:"max_us"`
	RSS          float64 `json:"rss_bytes"`
	Keys         int64   `json:"keys"`
	DataRatio    float64 `json:"data_ratio"` // data size over memory budget; 0: the plain loads
	Rounds       int     `json:"rounds"`
}

func newFigures(cfg config) (*figures, error) {
	fig := &figures{Versions: map[string]string{}}
	if cfg.add {
		text, err := os.ReadFile(cfg.out)
		if err == nil {
			err = json.Unmarshal(text, fig)
		}
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	fig.Machine = fmt.Sprintf("%d cores, %s", runtime.NumCPU(), runtime.GOOS)
	fig.Date = time.Now().UTC().Format("2006-01-02")
	fig.Mode = cfg.mode
	files := "tables through the page cache on all sides"
	if cfg.direct {
		files = "tables past the page cache on all sides"
	}
	fig.Settings = fmt.Sprintf("%d MiB of memory, at most %d keys, %g s a timed workload, %d rounds in turn, %d threads for reads and YCSB, "+
		"16-byte keys, values that LZ4 halves, %s, commits not waited for except in sync_* and plain_*_durable",
		cfg.budget>>20, cfg.keysMax, cfg.seconds, cfg.rounds, cfg.threads, files)
	return fig, nil
}

// samples collects the rounds of each cell, in order of first appearance.
type samples struct {
	order []cell
	of    map[cell][]outcome
}

type cell struct {
	engine   string
	workload string
	value    int
}

func newSamples() *samples { return &samples{of: map[cell][]outcome{}} }

func (s *samples) add(engine string, o outcome) {
	c := cell{engine, o.Workload, o.ValueBytes}
	if len(s.of[c]) == 0 {
		s.order = append(s.order, c)
	}
	s.of[c] = append(s.of[c], o)
}

// median of a few numbers; the mean of the middle two where they are even.
func median(list []outcome, get func(outcome) float64) float64 {
	var v []float64
	for _, o := range list {
		v = append(v, get(o))
	}
	sort.Float64s(v)
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

// add turns samples into rows, in place of earlier ones of the same cell.
func (f *figures) add(s *samples, ratio float64, keys int64) {
	for _, c := range s.order {
		list := s.of[c]
		r := row{Workload: c.workload, ValueBytes: c.value, Engine: c.engine, Keys: keys, DataRatio: ratio, Rounds: len(list),
			OpsPerSecond: median(list, func(o outcome) float64 { return o.OpsPerSecond }),
			P50:          median(list, func(o outcome) float64 { return o.P50 }),
			P99:          median(list, func(o outcome) float64 { return o.P99 }),
			P999:         median(list, func(o outcome) float64 { return o.P999 }),
			MaxLatency:   median(list, func(o outcome) float64 { return o.Max }),
			WAF:          median(list, func(o outcome) float64 { return o.WAF }),
			SpaceAmp:     median(list, func(o outcome) float64 { return o.SpaceAmp }),
			CPU:          median(list, func(o outcome) float64 { return o.CPU }),
			RSS:          median(list, func(o outcome) float64 { return o.RSS }),
		}
		r.Min, r.Max = list[0].OpsPerSecond, list[0].OpsPerSecond
		for _, o := range list {
			r.Min, r.Max = min(r.Min, o.OpsPerSecond), max(r.Max, o.OpsPerSecond)
		}
		same := func(o row) bool {
			return o.Workload == r.Workload && o.ValueBytes == r.ValueBytes && o.Engine == r.Engine && o.DataRatio == r.DataRatio
		}
		if i := slices.IndexFunc(f.Rows, same); i >= 0 {
			f.Rows[i] = r
		} else {
			f.Rows = append(f.Rows, r)
		}
	}
}

func (f *figures) write(path string) error {
	text, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func (f *figures) find(engine, workload string, value int, ratio float64) *row {
	for i := range f.Rows {
		r := &f.Rows[i]
		if r.Engine == engine && r.Workload == workload && r.ValueBytes == value && r.DataRatio == ratio {
			return r
		}
	}
	return nil
}

// count prints a rate without digits nobody measured.
func count(x float64) string {
	switch {
	case x >= 1e6:
		return fmt.Sprintf("%.2f M", x/1e6)
	case x >= 1e4:
		return fmt.Sprintf("%.0f k", x/1e3)
	case x >= 1e3:
		return fmt.Sprintf("%.1f k", x/1e3)
	default:
		return fmt.Sprintf("%.3g", x)
	}
}

func rate(r *row) string {
	if r == nil {
		return "-"
	}
	return fmt.Sprintf("%s (%s-%s)", count(r.OpsPerSecond), count(r.Min), count(r.Max))
}

func over(a, b *row) string {
	if a == nil || b == nil || b.OpsPerSecond == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a.OpsPerSecond/b.OpsPerSecond)
}

// three joins a figure of the engines with slashes, "-" where one has none.
func three(rows []*row, format string, get func(*row) float64) string {
	var out []string
	for _, r := range rows {
		switch {
		case r == nil:
			out = append(out, "-")
		case get(r) == 0:
			out = append(out, "-")
		default:
			out = append(out, fmt.Sprintf(format, get(r)))
		}
	}
	return strings.Join(out, " / ")
}

// markdown is the table for people: a section per size of data and values.
func (f *figures) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s; %s\n\n", f.Date, f.Machine, f.Settings)
	for _, e := range []string{pgz, rocks, blob, debian} {
		if f.Versions[e] != "" {
			fmt.Fprintf(&b, "- %s: %s\n", e, f.Versions[e])
		}
	}
	type section struct {
		ratio float64
		value int
		keys  int64
	}
	var sections []section
	works := map[section][]string{}
	for _, r := range f.Rows {
		s := section{r.DataRatio, r.ValueBytes, r.Keys}
		if s.ratio == 0 {
			s.value = 0
		}
		if !slices.Contains(sections, s) {
			sections = append(sections, s)
		}
		if !slices.Contains(works[s], r.Workload) {
			works[s] = append(works[s], r.Workload)
		}
	}
	for _, s := range sections {
		value := s.value
		if s.ratio == 0 {
			fmt.Fprintf(&b, "\nPlain loads, %d keys\n\n", s.keys)
			value = f.Rows[slices.IndexFunc(f.Rows, func(r row) bool { return r.DataRatio == 0 })].ValueBytes
		} else {
			fmt.Fprintf(&b, "\nValues of %d bytes, %d keys (at most %g x memory)\n\n", s.value, s.keys, s.ratio)
		}
		f.section(&b, works[s], value, s.ratio)
	}
	return b.String()
}

func (f *figures) section(b *strings.Builder, workloads []string, value int, ratio float64) {
	fmt.Fprintln(b, "| workload | pgz op/s (range) | RocksDB | ratio | BlobDB | ratio | Debian's | p99 us | p99.9 us | WAF | space | CPU s/Mop |")
	fmt.Fprintln(b, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, w := range workloads {
		p, r, o, d := f.find(pgz, w, value, ratio), f.find(rocks, w, value, ratio), f.find(blob, w, value, ratio), f.find(debian, w, value, ratio)
		rows := []*row{p, r, o}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", w, rate(p), rate(r), over(p, r), rate(o), over(p, o),
			rate(d), three(rows, "%.0f", func(r *row) float64 { return r.P99 }), three(rows, "%.0f", func(r *row) float64 { return r.P999 }),
			three(rows, "%.1f", func(r *row) float64 { return r.WAF }), three(rows, "%.2f", func(r *row) float64 { return r.SpaceAmp }),
			three(rows, "%.1f", func(r *row) float64 { return r.CPU }))
	}
}
