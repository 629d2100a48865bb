package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
	"github.com/pgzdb/pgz/server/pkg/storage"
)

func ask(t *testing.T, store kv.Store, path string) (int, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	debugHandler(store).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	var out map[string]any
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return w.Code, out
}

func TestDebugPages(t *testing.T) {
	store, err := storage.OpenStore(t.TempDir(), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if code, out := ask(t, store, "/debug/store"); code != http.StatusOK || out["snapshots"] != 1.0 {
		t.Errorf("figures: %d, %v", code, out)
	}
	if code, out := ask(t, store, "/debug/store/snapshots"); code != http.StatusOK || out["count"] != 1.0 {
		t.Errorf("snapshots: %d, %v", code, out)
	}
	if code, out := ask(t, store, "/debug/store/latencies"); code != http.StatusOK || out["commit"] == nil {
		t.Errorf("latencies: %d, %v", code, out)
	}
	snapshot.Release()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _ := ask(t, store, "/debug/store/snapshots"); code != http.StatusServiceUnavailable {
		t.Errorf("snapshots of a closed store: %d", code)
	}
	memory := memkv.New()
	defer memory.Close()
	if code, _ := ask(t, memory, "/debug/store"); code != http.StatusOK {
		t.Errorf("figures of a store in memory: %d", code)
	}
	if code, _ := ask(t, memory, "/debug/store/snapshots"); code != http.StatusNotFound {
		t.Errorf("snapshots of a store in memory: %d", code)
	}
}
