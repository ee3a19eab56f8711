package cluster

// PIDs are the process ids of all nodes that were started, the last start of each, and of the sweeper.
func (c *Cluster) PIDs() []int {
	pids := []int{c.guard.SweeperPID()}
	for _, n := range c.nodes {
		if r := n.run.Load(); r != nil {
			pids = append(pids, r.cmd.Process.Pid)
		}
	}
	return pids
}

// SweeperPID is the process id of the sweeper.
func (g *Guard) SweeperPID() int { return g.sweeper.Process.Pid }
