package builtin

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/expr"
)

// TestRegistered counts what importing this package registers; registering one
// function twice panics before.
func TestRegistered(t *testing.T) {
	n := 0
	expr.Each(func(*expr.Proc) { n++ })
	if n < 500 {
		t.Errorf("only %d functions are registered", n)
	}
}
