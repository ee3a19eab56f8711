package cluster

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the process the leader of a new group.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// joinGroup keeps ^C of the terminal from the process; there are no groups to join.
func joinGroup(cmd *exec.Cmd, _ int) { ownGroup(cmd) }

// killGrouped kills a process and reports whether it was there.
func killGrouped(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer p.Release()
	return p.Kill() == nil
}

// askToEnd ends the process: there is no signal that asks.
func askToEnd(p *os.Process) error { return p.Kill() }

var errNoPause = errors.New("pause a process: this system has no signal for it; run it on a Unix")

func pause(*os.Process) error  { return errNoPause }
func resume(*os.Process) error { return errNoPause }
