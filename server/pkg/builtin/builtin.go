// Package builtin brings in every family of functions: importing it registers
// them all with package expr. Each family is a package of its own below.
package builtin

import (
	_ "github.com/pgzdb/pgz/server/pkg/builtin/aggregates"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/arith"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/arrays"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/bytefn"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/catfn"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/compare"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/datefn"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/iofn"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/jsonfn"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/numfn"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/textfn"
	_ "github.com/pgzdb/pgz/server/pkg/builtin/windowfn"
)
