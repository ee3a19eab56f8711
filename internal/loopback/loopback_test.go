package loopback

import "testing"

func TestIs(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.0.1": true, "::1": true,
		"": false, "localhost.example": false, "10.0.0.1": false, "0.0.0.0": false, "::": false, "128.0.0.1": false,
	} {
		if Is(host) != want {
			t.Errorf("%q: want %t", host, want)
		}
	}
}
