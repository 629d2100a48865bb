package main

import (
	"encoding/json"
	"net/http"
	_ "net/http/pprof" // profiles for --debug-addr

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/storage"
)

// pinsShown bounds the snapshots that /debug/store/snapshots lists.
const pinsShown = 100

// debugHandler serves what --debug-addr offers, as JSON but for Go's profiles:
//
//	/debug/store            figures of the store by name
//	/debug/store/latencies  how long its operations took, in nanoseconds
//	/debug/store/snapshots  the oldest snapshots, their age and what they keep
//	/debug/pprof/           Go's profiles
//
// A store in memory has figures only.
func debugHandler(store kv.Store) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/debug/pprof/", http.DefaultServeMux)
	answer := func(path string, read func() (any, error)) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			what, err := read()
			if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(what) // who asks may have gone
		})
	}
	answer("/debug/store", func() (any, error) { return store.Stats(), nil })
	if engine, ok := store.(*storage.Store); ok {
		answer("/debug/store/latencies", func() (any, error) { return engine.Latencies() })
		answer("/debug/store/snapshots", func() (any, error) {
			pins, all, err := engine.SnapshotPins(pinsShown)
			return map[string]any{"count": all, "oldest": pins}, err
		})
	}
	return mux
}
