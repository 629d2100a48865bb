package slt

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRecordKeepsWhatIsNotAnAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.slt")
	const text = "# heading\n\n# about it\n@sort\nSELECT 1\n\\\nAS a\n----\nold\n\n@session b\nSELECT 2\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cases, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 2 || cases[0].SQL != "SELECT 1\n\nAS a" || !cases[0].Sort || cases[1].Session != "b" ||
		cases[0].Line != 5 || len(cases[0].Want) != 1 || cases[0].Want[0] != "old" {
		t.Fatalf("%+v", cases)
	}
	if err := Record(path, [][]string{{"new", "-- SELECT 1"}, {"two"}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = "# heading\n\n# about it\n@sort\nSELECT 1\n\\\nAS a\n----\nnew\n-- SELECT 1\n\n@session b\nSELECT 2\n----\ntwo\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUnknownDirective(t *testing.T) {
	if _, _, err := parseBlock([]string{"@sorted", "SELECT 1"}, 1); err == nil {
		t.Error("a misspelt directive was taken")
	}
}
