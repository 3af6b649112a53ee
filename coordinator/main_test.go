package coordinator_test

import (
	"flag"
	"os"
	"testing"
)

// The default of a hundred random runs is few for what carries everything else; -rapid.checks still decides.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "500"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
