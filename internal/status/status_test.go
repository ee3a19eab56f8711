package status

import (
	"testing"

	"github.com/quadrille-stream/quadrille/client"
)

func TestOthersAreAskedWithCare(t *testing.T) {
	// A token that came by HTTPS goes to no plain HTTP address that a member shows.
	first := client.Status{Node: "n1", Members: []client.MemberStatus{{Name: "n1"}, {Name: "n2", Info: "http://127.0.0.1:1"},
		{Name: "n3", Info: "file:///etc/passwd"}, {Name: "n4"}}}
	replies := Others(t.Context(), nil, "https://127.0.0.1:2", first) // a nil client could ask nobody
	for _, name := range []string{"n2", "n3", "n4"} {
		if replies[name].Err == nil {
			t.Errorf("%s was asked", name)
		}
	}
}
