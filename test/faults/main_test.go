//go:build unix

package faults

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/internal/cli"
)

// TestMain makes this very binary do the work of the processes that the tests start, as its first argument says.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		if os.Args[1] == "nats-server" {
			os.Exit(natsServer(os.Args[2:]))
		}
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// natsServer is an engine that others run: PORT MAXPAYLOAD DIR. Its two users have the rights that docs/access.md says.
func natsServer(args []string) int {
	users, err := documentedUsers()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	port, _ := strconv.Atoi(args[0])
	payload, _ := strconv.Atoi(args[1])
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, MaxPayload: int32(payload), JetStream: true,
		StoreDir: args[2], SyncAlways: true, NoSigs: true, Nkeys: users})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s.Start()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	<-asked
	s.Shutdown()
	return 0
}

// long reports whether the heavier forms of the tests are to run.
func long() bool { return os.Getenv("QUADRILLE_FAULTS") == "long" }

// seed is that of what is random in a test: usual, or in the long form the time, unless QUADRILLE_SEED says another.
func seed(t *testing.T, usual uint64) uint64 {
	n := usual
	if long() {
		n = uint64(time.Now().UnixNano())
	}
	if text := os.Getenv("QUADRILLE_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("QUADRILLE_SEED=%s: %v", text, err)
		}
	}
	t.Logf("QUADRILLE_SEED=%d", n)
	return n
}
