package slt

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Case is one statement of a file and what the native server answered.
type Case struct {
	Line    int    // of the statement's first line
	Session string // which connection runs it; "" is the first
	Sort    bool   // compare rows without regard to order
	Simple  bool   // always sent as a simple query
	SQL     string
	Want    []string // recorded lines, see Result.Lines
}

// A file is blocks parted by blank lines. A block is comment lines (#),
// directive lines (@session NAME, @sort, @simple), the statement, a line of four
// dashes, and the recorded answer. A blank line inside a statement is written
// as a line holding a single backslash.
const separator = "----"

// ReadFile parses a file.
func ReadFile(path string) ([]Case, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var cases []Case
	var block []string
	start, line := 0, 0
	flush := func() error {
		if len(block) == 0 {
			return nil
		}
		c, ok, err := parseBlock(block, start)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, start, err)
		}
		if ok {
			cases = append(cases, c)
		}
		block = nil
		return nil
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		line++
		if sc.Text() == "" {
			if err := flush(); err != nil {
				return nil, err
			}
			continue
		}
		if len(block) == 0 {
			start = line
		}
		block = append(block, sc.Text())
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	return cases, flush()
}

func parseBlock(block []string, line int) (Case, bool, error) {
	c := Case{}
	i := 0
	for ; i < len(block); i++ {
		switch {
		case strings.HasPrefix(block[i], "#"):
		case block[i] == "@sort":
			c.Sort = true
		case block[i] == "@simple":
			c.Simple = true
		case strings.HasPrefix(block[i], "@session "):
			c.Session = strings.TrimPrefix(block[i], "@session ")
		case strings.HasPrefix(block[i], "@"):
			return c, false, fmt.Errorf("unknown directive %s", block[i])
		default:
			goto statement
		}
	}
	return c, false, nil
statement:
	c.Line = line + i
	var sql []string
	for ; i < len(block) && block[i] != separator; i++ {
		if block[i] == `\` {
			block[i] = ""
		}
		sql = append(sql, block[i])
	}
	c.SQL = strings.Join(sql, "\n")
	if i < len(block) {
		c.Want = block[i+1:]
	}
	return c, true, nil
}

// Record writes path anew with the answers of got (one per case), keeping
// comments, directives and statements.
func Record(path string, got [][]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var out strings.Builder
	n := 0
	for i, block := range strings.Split(strings.Trim(string(text), "\n"), "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		_, ok, err := parseBlock(append([]string(nil), lines...), 1)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteString("\n")
		}
		for _, l := range lines {
			if l == separator {
				break
			}
			out.WriteString(l + "\n")
		}
		if ok {
			out.WriteString(separator + "\n")
			for _, l := range got[n] {
				out.WriteString(l + "\n")
			}
			n++
		}
	}
	return os.WriteFile(path, []byte(out.String()), 0o644)
}
