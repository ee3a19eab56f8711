//go:build !unix

package peer

import "os/exec"

// apart has nothing to do where the scripts don't run.
func apart(*exec.Cmd) {}

// killAll kills the process.
func killAll(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
