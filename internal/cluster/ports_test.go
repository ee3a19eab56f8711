package cluster_test

import (
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/cluster"
)

func TestFreePorts(t *testing.T) {
	for _, n := range []int{0, 1, 50} {
		ports, err := cluster.FreePorts(n)
		if err != nil || len(ports) != n {
			t.Fatalf("%d ports of %d, %v", len(ports), n, err)
		}
		for i, port := range ports {
			if port < 20_000 || port > 31_999 || slices.Contains(ports[:i], port) {
				t.Errorf("port %d of %v", port, ports)
			}
		}
		if n > 0 && !slices.ContainsFunc(ports, free) {
			t.Errorf("none of %v is free", ports)
		}
	}
	if ports, err := cluster.FreePorts(5000); err == nil {
		t.Errorf("%d ports: more than are tried", len(ports))
	}
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		_ = l.Close()
	}
	return err == nil
}
