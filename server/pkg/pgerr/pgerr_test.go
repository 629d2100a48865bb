package pgerr

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestResolvePositionCountsCharacters(t *testing.T) {
	for _, c := range []struct {
		text string
		byte int32
		want int32
	}{
		{"select x", 7, 8},
		{"select 'äö', x", 15, 14},
		{"select", -1, 0},
		{"abc", 99, 4},
	} {
		e := New(UndefinedColumn, "m").AtByte(c.byte).ResolvePosition(c.text)
		if e.Position != c.want {
			t.Errorf("%q byte %d: position %d, want %d", c.text, c.byte, e.Position, c.want)
		}
	}
}

func TestInnermostLocationWins(t *testing.T) {
	e := New(SyntaxError, "m").AtByte(3).AtByte(9)
	if e.ByteLocation() != 3 {
		t.Fatalf("location %d, want 3", e.ByteLocation())
	}
}

func TestFromAndCode(t *testing.T) {
	inner := New(UniqueViolation, "dup")
	wrapped := fmt.Errorf("while inserting: %w", inner)
	if As(wrapped) != inner || From(wrapped) != inner || Code(wrapped) != "23505" {
		t.Fatal("a wrapped error lost its identity")
	}
	plain := From(io.ErrUnexpectedEOF)
	if plain.Code != InternalError || !errors.Is(plain, io.ErrUnexpectedEOF) {
		t.Fatalf("got %v", plain)
	}
	if Code(nil) != "" || From(nil) != nil {
		t.Fatal("nil must stay nil")
	}
	if e := Newf(IOError, "read: %w", io.EOF); !errors.Is(e, io.EOF) || e.Message != "read: EOF" {
		t.Fatalf("got %v", e)
	}
}
