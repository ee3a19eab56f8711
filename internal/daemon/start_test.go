package daemon

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestNotListening: whatever keeps a port from being had, the setting is named, and where there is a way out, that.
func TestNotListening(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.EADDRINUSE:    "--http: another process listens at 1.2.3.4:80: stop it, or choose another port (0 takes a free one)",
		syscall.EADDRNOTAVAIL: "--http: this machine has no address 1.2.3.4:80",
		syscall.EACCES:        "--http: this user may not listen at 1.2.3.4:80; ports above 1023 are for everybody",
		syscall.EMFILE:        "--http: listen tcp: bind: too many open files",
	} {
		err := notListening("--http", "1.2.3.4:80", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", cause)})
		if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: %v", cause, err)
		}
	}
}
