package textfn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// What compiled patterns take is bounded, one and all.
func TestPatternsAreBounded(t *testing.T) {
	for _, c := range []struct {
		name, pattern string
		complex       bool
	}{
		{"plain", strings.Repeat("a", 40000) + "b", false},
		{"plain, long", strings.Repeat("a", 3000000) + "b", true},
		{"counted", strings.Repeat("a{1,200}", 200), false},
		{"counted, often", strings.Repeat("a{1,200}", 2000), true},
		{"counted twice", strings.Repeat("(?:b{1,30}c){1,30}", 1000), true},
		{"beyond what Go takes", strings.Repeat("(?:a{1,250})", 10000), true},
	} {
		_, err := compile(c.pattern, "")
		e := pgerr.As(err)
		if c.complex && (e == nil || e.Code != pgerr.InvalidRegularExpression ||
			e.Message != "invalid regular expression: regular expression is too complex") {
			t.Errorf("%s: %v, want: too complex", c.name, err)
		}
		if !c.complex && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for i := range 20 {
		if _, err := compile(fmt.Sprint(strings.Repeat("a", 30000), i), ""); err != nil {
			t.Fatal(err)
		}
		sum := 0
		for key, p := range cache.m {
			sum += max(p.weight, len(key)-len("\x00"))
		}
		if sum > cacheWeight || cache.weight > cacheWeight {
			t.Fatalf("the cache weighs %d, it says %d", sum, cache.weight)
		}
	}
}
