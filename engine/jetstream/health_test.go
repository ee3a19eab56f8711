package jetstream

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/engine"
)

// TestReplicasOf: a stream without a leader has none in its status, and no copy of it is taken for current for being asked.
func TestReplicasOf(t *testing.T) {
	two := []*natsjs.PeerInfo{{Name: "n2", Offline: true}, {Name: "n3", Offline: true}}
	three := append([]*natsjs.PeerInfo{{Name: "n1", Current: true}}, two...)
	unknown := []engine.ReplicaHealth{{Server: "n1", State: engine.Unknown}, {Server: "n2", State: engine.Unknown},
		{Server: "n3", State: engine.Unknown}}
	offline := []engine.ReplicaHealth{{Server: "n2", State: engine.Offline}, {Server: "n3", State: engine.Offline}}
	for _, test := range []struct {
		cluster *natsjs.ClusterInfo
		copies  int
		leader  string
		want    []engine.ReplicaHealth
	}{
		{nil, 1, "this server", []engine.ReplicaHealth{{Server: "this server", State: engine.Current}}},
		{&natsjs.ClusterInfo{}, 1, "this server", []engine.ReplicaHealth{{Server: "this server", State: engine.Current}}},
		{&natsjs.ClusterInfo{Replicas: three}, 3, "", unknown},
		{nil, 3, "", nil},
		{&natsjs.ClusterInfo{Leader: "n1", Replicas: two}, 3, "n1",
			append([]engine.ReplicaHealth{{Server: "n1", State: engine.Current}}, offline...)},
	} {
		info := &natsjs.StreamInfo{Cluster: test.cluster, Config: natsjs.StreamConfig{Replicas: test.copies}}
		leader, list := new(stream).replicasOf(info)
		if diff := cmp.Diff(test.want, list); diff != "" || leader != test.leader {
			t.Errorf("%+v: leader %q: %s", test.cluster, leader, diff)
		}
	}
}
