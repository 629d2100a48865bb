// Command pgz looks after databases.
//
//	pgz dump [--entries] FILE...
//
// dump says in words what a file of a data directory holds (IDENTITY, log/*.slot,
// sst/*.sst, vlog/*.seg, manifest/super, manifest/edits-0 and -1) and what is wrong with it.
// It only reads; the database may be open.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/pgzdb/pgz/server/pkg/storage"
)

const usage = `usage: pgz dump [--entries] FILE...
       pgz --version

dump prints what files of a data directory hold: IDENTITY, log/*.slot,
sst/*.sst, vlog/*.seg, manifest/super, manifest/edits-0, manifest/edits-1.
  --entries  also every key of a table and every write of a log record
Exit status: 0 all sound, 1 damaged or unreadable, 2 wrong usage.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errOut io.Writer) int {
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
		fmt.Fprint(out, usage)
		return 0
	}
	if len(args) == 1 && args[0] == "--version" {
		fmt.Fprintln(out, "pgz", storage.Version(), "(library", storage.Library+")")
		return 0
	}
	if len(args) == 0 || args[0] != "dump" {
		fmt.Fprint(errOut, usage)
		return 2
	}
	return dump(args[1:], out, errOut)
}

func dump(args []string, out, errOut io.Writer) int {
	flags := flag.NewFlagSet("dump", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.Usage = func() { fmt.Fprint(errOut, usage) }
	entries := flags.Bool("entries", false, "every key and value")
	if err := flags.Parse(args); err == flag.ErrHelp {
		return 0
	} else if err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		fmt.Fprint(errOut, usage)
		return 2
	}
	code := 0
	for _, path := range flags.Args() {
		text, err := storage.Dump(path, *entries)
		if _, werr := io.WriteString(out, text); werr != nil {
			fmt.Fprintln(errOut, "pgz:", werr)
			return 1
		}
		if err != nil {
			fmt.Fprintln(errOut, "pgz:", err)
			code = 1
		}
	}
	return code
}
