//go:build unix

package peer

import (
	"os/exec"
	"syscall"
)

// apart lets a process and those that it starts be killed together.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killAll kills them; that some have ended is as it should be.
func killAll(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
