package quadrille

import (
	"testing"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
)

// TestPorts: what opens a port, and for whom. A member of a cluster that is given none has one for this machine alone, wherever it
// listens for the other members.
func TestPorts(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  Config
		want jetstream.ServerConfig
	}{
		"alone":           {Config{Host: "10.0.0.1"}, jetstream.ServerConfig{Host: "10.0.0.1", NoListen: true}},
		"alone, port":     {Config{Host: "10.0.0.1", Port: 4222}, jetstream.ServerConfig{Host: "10.0.0.1", Port: 4222}},
		"member":          {Config{Host: "10.0.0.1", Cluster: "c"}, jetstream.ServerConfig{Host: jetstream.DefaultHost, Port: -1}},
		"member, port":    {Config{Host: "10.0.0.1", Cluster: "c", Port: 4222}, jetstream.ServerConfig{Host: "10.0.0.1", Port: 4222}},
		"member, any one": {Config{Host: "10.0.0.1", Cluster: "c", Port: -1}, jetstream.ServerConfig{Host: "10.0.0.1", Port: -1}},
	} {
		got := test.cfg.server()
		if got.Host != test.want.Host || got.Port != test.want.Port || got.NoListen != test.want.NoListen {
			t.Errorf("%s: host %s, port %d, none %t", name, got.Host, got.Port, got.NoListen)
		}
		if test.cfg.Cluster != "" && got.ClusterHost != "10.0.0.1" {
			t.Errorf("%s: members at %s", name, got.ClusterHost)
		}
	}
}
