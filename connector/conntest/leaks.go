package conntest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// endPatience bounds how long goroutines go on that were told to end. Those of a client that nobody waits for may be held up on a busy
// machine for longer than goleak looks, which is less than half a second.
const endPatience = 20 * time.Second

// ended waits until all goroutines have ended but those that options leave out, and names those that haven't.
func ended(options ...goleak.Option) (err error) {
	for end := time.Now().Add(endPatience); ; {
		if err = goleak.Find(options...); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// noneLeft fails the test if goroutines are left that were not there before.
func noneLeft(t testing.TB, before goleak.Option) {
	t.Helper()
	if err := ended(before); err != nil {
		t.Error(err)
	}
}

// Main is the TestMain of a package: it fails tests that have passed if goroutines are left of them.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := ended(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
