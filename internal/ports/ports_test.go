package ports

import (
	"net"
	"slices"
	"testing"
)

func TestFree(t *testing.T) {
	for _, n := range []int{0, 1, 50} {
		list, err := Free(n)
		if err != nil || len(list) != n {
			t.Fatalf("%d ports of %d, %v", len(list), n, err)
		}
		for i, port := range list {
			if port < 20_000 || port > 31_999 || slices.Contains(list[:i], port) {
				t.Errorf("port %d of %v", port, list)
			}
		}
		if n > 0 && !slices.ContainsFunc(list, isFree) {
			t.Errorf("none of %v is free", list)
		}
	}
	if list, err := Free(blockPorts); err == nil {
		t.Errorf("%d ports: more than the process has", len(list))
	}
}

func isFree(port int) bool {
	l, err := listen(port)
	if err == nil {
		_ = l.Close()
	}
	return err == nil
}

// TestNoneTwice: neither a process nor another is soon given a port again where nobody listens yet.
func TestNoneTwice(t *testing.T) {
	given := map[int]bool{}
	for range 3 {
		var process block
		for range 2 {
			list, err := process.free(100)
			if err != nil {
				t.Fatal(err)
			}
			for _, port := range list {
				if given[port] {
					t.Errorf("port %d is given twice", port)
				}
				given[port] = true
			}
		}
		defer process.held.Close()
	}
}

// TestTakenPorts: a port where somebody listens is left out.
func TestTakenPorts(t *testing.T) {
	var process block
	if err := process.hold(); err != nil {
		t.Fatal(err)
	}
	defer process.held.Close()
	first := process.held.Addr().(*net.TCPAddr).Port
	if l, err := listen(first + 2); err == nil { // else another program has it
		defer l.Close()
	}
	list, err := process.free(blockPorts - 10) // other programs may have some
	if err != nil || slices.Contains(list, first+2) || slices.Contains(list, first) {
		t.Errorf("%v, %v: %d and %d are taken", list, err, first, first+2)
	}
}
