// Command pgz-example shows the key-value face of pgz: it opens a store in a
// scratch directory, writes and reads a few keys, and says which step failed
// if one does.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pgzdb/pgz/server/pkg/storage"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pgz-example: failed at:", err)
		os.Exit(1)
	}
	fmt.Println("every step did what it should")
}

// step runs one part of the demo and names it in its error.
func step(name string, f func() error) error {
	fmt.Println(name)
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func run() error {
	dir, err := os.MkdirTemp("", "pgz-example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var db *storage.DB
	fmt.Printf("pgz %s, library %.12s\n", storage.Version(), storage.Library)
	if err := step("open a store", func() (err error) {
		db, err = storage.Open(filepath.Join(dir, "data"))
		return err
	}); err != nil {
		return err
	}
	err = tour(db)
	return errors.Join(err, step("close the store", db.Close))
}

func tour(db *storage.DB) error {
	pairs := [][2]string{{"user:1", "Ada"}, {"user:2", "Grace"}, {"user:3", "Edsger"}, {"config:db", "durable"}}
	steps := []struct {
		name string
		run  func() error
	}{
		{"put user:1 to user:3 and config:db", func() error {
			for _, p := range pairs {
				if err := db.Put([]byte(p[0]), []byte(p[1])); err != nil {
					return err
				}
			}
			return nil
		}},
		{"read them back", func() error {
			for _, p := range pairs {
				if err := expect(db, p[0], p[1]); err != nil {
					return err
				}
			}
			return nil
		}},
		{"overwrite user:2", func() error {
			if err := db.Put([]byte("user:2"), []byte("Grace Hopper")); err != nil {
				return err
			}
			return expect(db, "user:2", "Grace Hopper")
		}},
		{"delete user:3", func() error {
			if err := db.Delete([]byte("user:3")); err != nil {
				return err
			}
			return expectError(db, "user:3", storage.ErrNotFound)
		}},
		{"scan user:", func() error { return scan(db) }},
		{"a missing key is ErrNotFound", func() error { return expectError(db, "no such key", storage.ErrNotFound) }},
		{"an empty key is ErrInvalidArg", func() error { return expectError(db, "", storage.ErrInvalidArg) }},
		{"a transaction that is rolled back leaves nothing", func() error { return rollback(db) }},
	}
	for _, s := range steps {
		if err := step(s.name, s.run); err != nil {
			return err
		}
	}
	return nil
}

func expect(db *storage.DB, key, want string) error {
	got, err := db.Get([]byte(key))
	if err != nil {
		return fmt.Errorf("get %q: %w", key, err)
	}
	if string(got) != want {
		return fmt.Errorf("get %q: %q, want %q", key, got, want)
	}
	fmt.Printf("  %s = %s\n", key, got)
	return nil
}

func expectError(db *storage.DB, key string, want error) error {
	_, err := db.Get([]byte(key))
	if !errors.Is(err, want) {
		return fmt.Errorf("get %q: error %v, want %v", key, err, want)
	}
	fmt.Printf("  get %q: %v\n", key, err)
	return nil
}

func scan(db *storage.DB) error {
	n := 0
	for p, err := range db.Scan([]byte("user:"), []byte("user;")) {
		if err != nil {
			return err
		}
		fmt.Printf("  %s = %s\n", p.Key, p.Value)
		n++
	}
	if n != 2 {
		return fmt.Errorf("%d users, want 2", n)
	}
	return nil
}

func rollback(db *storage.DB) error {
	txn, err := db.Begin()
	if err != nil {
		return err
	}
	if err := txn.Put([]byte("user:9"), []byte("nobody")); err != nil {
		return err
	}
	txn.Rollback()
	return expectError(db, "user:9", storage.ErrNotFound)
}
