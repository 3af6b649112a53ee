package sqldb

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParametersAreToldFromWhatLooksLikeThem(t *testing.T) {
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{"select :a, :b_2 + :a", []string{"a", "b_2"}},
		{"select ':a', \":b\", `:c` -- :d\n/* :e */ , :f", []string{"f"}},
		{"select 'it''s :a', :b", []string{"b"}},
		{"select :a::text, x::int, $tag$ :b $tag$, $$:c$$", []string{"a"}},
		{"select x[1:2], :ä", []string{"ä"}},
		{"select 1:2", nil},
	} {
		s := statement{sql: c.sql}
		if err := s.read(); err != nil || !slices.Equal(s.params, c.want) {
			t.Errorf("%s: %v, %v", c.sql, s.params, err)
		}
	}
}

// Scanning loses nothing: what is executed is what stands in the file.
func TestScanningKeepsEveryByte(t *testing.T) {
	piece := rapid.SampledFrom([]string{"select ", "'", "\"", "`", "$$", "$a$", ":", "::", ":a", "--", "\n", "/*", "*/", ";", "?", "x", "1", "@b", "ü", " "})
	rapid.Check(t, func(t *rapid.T) {
		sql := strings.Join(rapid.SliceOf(piece).Draw(t, "pieces"), "")
		tokens, err := scan(sql)
		if err != nil {
			return
		}
		got := ""
		for _, one := range tokens {
			if one.kind == parameter {
				got += ":"
			}
			got += one.text
		}
		if got != sql {
			t.Fatalf("%q became %q", sql, got)
		}
	})
}
