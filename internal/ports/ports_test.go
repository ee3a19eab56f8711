package ports_test

import (
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/ports"
)

func TestFree(t *testing.T) {
	for _, n := range []int{0, 1, 50} {
		list, err := ports.Free(n)
		if err != nil || len(list) != n {
			t.Fatalf("%d ports of %d, %v", len(list), n, err)
		}
		for i, port := range list {
			if port < 20_000 || port > 31_999 || slices.Contains(list[:i], port) {
				t.Errorf("port %d of %v", port, list)
			}
		}
		if n > 0 && !slices.ContainsFunc(list, free) {
			t.Errorf("none of %v is free", list)
		}
	}
	if list, err := ports.Free(5000); err == nil {
		t.Errorf("%d ports: more than are tried", len(list))
	}
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		_ = l.Close()
	}
	return err == nil
}
