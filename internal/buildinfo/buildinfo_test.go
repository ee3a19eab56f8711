package buildinfo

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestVersion: the commit and its time are told, as far as the build knows them.
func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.x", Main: debug.Module{Version: "v1.2.3"}}
	system := ", go1.x " + runtime.GOOS + "/" + runtime.GOARCH
	for _, test := range []struct {
		settings []debug.BuildSetting
		want     string
	}{
		{nil, "v1.2.3"},
		{[]debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-11-27T08:00:00Z"},
			{Key: "vcs.modified", Value: "false"}}, "v1.2.3, commit 0123456789ab of 2026-11-27T08:00:00Z"},
		{[]debug.BuildSetting{{Key: "vcs.revision", Value: "0123"}, {Key: "vcs.modified", Value: "true"}}, "v1.2.3, commit 0123 with changes"},
	} {
		if info.Settings = test.settings; of(info).String() != test.want+system {
			t.Errorf("%s, want %s", of(info).String(), test.want+system)
		}
	}
}
