package session

import (
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// replies runs a text of the simple protocol and returns the command tags it
// was answered with, and the SQLSTATE of an error.
func replies(s *Session, text string) string {
	_ = s.out.Flush()
	var sent []byte
	s.out.Write = func(b []byte) error { sent = append(sent, b...); return nil }
	err := s.Query(text)
	state := ""
	if err != nil {
		e := s.Error(err)
		s.Failed(e)
		state = e.Code
	}
	_ = s.out.Flush()
	var tags []string
	for len(sent) >= 5 {
		n := int(sent[1])<<24 | int(sent[2])<<16 | int(sent[3])<<8 | int(sent[4])
		if sent[0] == 'C' {
			tags = append(tags, string(sent[5:n]))
		}
		sent = sent[1+n:]
	}
	return strings.Join(tags, ",") + state
}

// BEGIN and its kin are parsed once a session, and do the same each time.
func TestTransactionStatementsAreParsedOnce(t *testing.T) {
	s := openTest(t)
	for range 2 {
		for _, step := range [][2]string{
			{"BEGIN;", "BEGIN"}, {"savepoint a", "SAVEPOINT"}, {"select 1/0", pgerr.DivisionByZero},
			{"BEGIN;", pgerr.InFailedSQLTransaction}, {"rollback to a", "ROLLBACK"}, {"END;", "COMMIT"},
			{"BEGIN;", "BEGIN"}, {"select 1/0", pgerr.DivisionByZero}, {"END;", "ROLLBACK"},
			{"begin isolation level serializable read only", "BEGIN"},
			{"insert into t values (7, 7)", pgerr.ReadOnlySQLTransaction}, {"rollback", "ROLLBACK"},
		} {
			if got := replies(s, step[0]); got != step[1] {
				t.Fatalf("%s: %s, want %s", step[0], got, step[1])
			}
		}
	}
	for _, text := range []string{"BEGIN;", "END;", "savepoint a", "rollback to a"} {
		if s.textPlan.get(text) == nil {
			t.Errorf("%s is not kept", text)
		}
	}
	if err := s.Parse("", "begin", nil); err != nil {
		t.Fatal(err)
	}
	first := s.unnamed
	if err := s.Parse("", "begin", nil); err != nil || s.unnamed != first {
		t.Errorf("Parse made another statement of the same text, %v", err)
	}
}

// A text the extended protocol left in the cache has its parameters there only.
func TestParametersAreOfTheirProtocol(t *testing.T) {
	s := openTest(t)
	const q = "select b from t where a = $1"
	if err := s.Parse("", q, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := replies(s, q); got != pgerr.UndefinedParameter {
		t.Errorf("%s, want %s", got, pgerr.UndefinedParameter)
	}
}
