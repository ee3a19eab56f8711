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

func TestHost(t *testing.T) {
	for text, want := range map[string]string{
		"localhost": "localhost", "localhost:80": "localhost", "127.0.0.1:80": "127.0.0.1", "[::1]:80": "::1", "[::1]": "::1", "::1": "::1", "": "",
	} {
		if got := Host(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
