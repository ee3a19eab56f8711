package jetstream

import "testing"

func TestRedactURLs(t *testing.T) {
	for list, want := range map[string]string{
		"nats://a:4222": "nats://a:4222", "a:4222": "a:4222", "": "",
		"nats://user:secret@a:4222, tls://token@b": "nats://a:4222,tls://b",
		"user:secret@a:4222":                       "a:4222",
		"nats://us er:sec%ret@a:4222":              "a:4222",
	} {
		if got := RedactURLs(list); got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}
