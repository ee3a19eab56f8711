package daemon

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/config"
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

// TestAnyPort: what takes any free port is what the configuration means by it.
func TestAnyPort(t *testing.T) {
	for flag, want := range map[string]string{"--http": "(0 takes a free one)", "--cluster-port": "(0 takes", "--port": "(-1 takes"} {
		if err := notListening(flag, "1.2.3.4:80", syscall.EADDRINUSE); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	d := &daemon{Document: &config.Document{Engine: config.Engine{Listen: "10.1.2.3", Port: -1}}}
	if err := d.checkPorts(); err != nil {
		t.Errorf("any free port: %v", err)
	}
	for _, test := range []struct {
		port          int
		cluster, want string
	}{
		{0, "", "no port"}, {0, "c", "127.0.0.1:any free port"}, {-1, "", "10.1.2.3:any free port"}, {4222, "c", "10.1.2.3:4222"},
	} {
		d.Engine.Port, d.Engine.Cluster = test.port, test.cluster
		if got := d.workersPort(); got != test.want {
			t.Errorf("%d, cluster %q: %s", test.port, test.cluster, got)
		}
	}
}
