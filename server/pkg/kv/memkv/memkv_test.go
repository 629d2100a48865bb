package memkv_test

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/kvtest"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
)

func TestConformance(t *testing.T) {
	kvtest.Run(t, kvtest.Harness{New: func(*testing.T) kv.Store { return memkv.New() }})
}
