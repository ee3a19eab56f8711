//go:build unix

package cluster

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the process the leader of a new group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// joinGroup puts the process in a group, and lets it die with the thread that starts it where the system can do that.
func joinGroup(cmd *exec.Cmd, group int) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: group}
	dieWithParent(cmd.SysProcAttr)
}

// killGrouped kills a process and reports whether it was there. It spares one that isn't in the group of this process:
// that is another one, which got the number of one that is gone.
func killGrouped(pid int) bool {
	if group, err := syscall.Getpgid(pid); err != nil || group != syscall.Getpgrp() {
		return false
	}
	return syscall.Kill(pid, syscall.SIGKILL) == nil
}

// askToEnd asks the process to end in good order.
func askToEnd(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// pause stops the process, and resume lets it go on.
func pause(p *os.Process) error  { return p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
