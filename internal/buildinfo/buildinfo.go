// Package buildinfo tells which build of the module runs.
package buildinfo

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Build is what the build has noted of itself.
type Build struct {
	// Version is that of the module, "(devel)" if it has none.
	Version string `json:"version"`
	// Commit is the one it was built from, in at most 12 characters; empty if that isn't known.
	Commit string `json:"commit,omitempty"`
	// Changed: the files were not as the commit has them.
	Changed bool `json:"changed,omitempty"`
	// Time is the commit's.
	Time string `json:"time,omitempty"`
	// Go is the version of Go.
	Go string `json:"go"`
	// Platform is operating system and architecture, as linux/amd64.
	Platform string `json:"platform"`
}

// Get returns that of this process.
func Get() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	return of(info)
}

func of(info *debug.BuildInfo) Build {
	noted := map[string]string{}
	for _, s := range info.Settings {
		noted[s.Key] = s.Value
	}
	commit := noted["vcs.revision"]
	return Build{Version: cmp.Or(info.Main.Version, "(devel)"), Commit: commit[:min(len(commit), 12)],
		Changed: noted["vcs.modified"] == "true", Time: noted["vcs.time"], Go: info.GoVersion,
		Platform: runtime.GOOS + "/" + runtime.GOARCH}
}

// String is the build in one line.
func (b Build) String() string {
	text := b.Version
	if b.Commit != "" {
		text += ", commit " + b.Commit
		if b.Changed {
			text += " with changes"
		}
		if b.Time != "" {
			text += " of " + b.Time
		}
	}
	return fmt.Sprintf("%s, %s %s", text, b.Go, b.Platform)
}
