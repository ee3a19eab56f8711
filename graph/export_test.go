package graph

// Hold adds to the memory that documents of JSON-LD take, and returns what it is then.
func (g *Graph) Hold(bytes int64) int64 { return g.held.Add(bytes) }

// UnderWay counts the queries that have come and not ended, those that run, and the sessions of other nodes.
func (g *Graph) UnderWay() (come, running, sessions int) {
	g.sessions.mu.Lock()
	defer g.sessions.mu.Unlock()
	return len(g.queries.come), len(g.queries.running), len(g.sessions.open)
}

// HoldQueries adds to the memory that queries hold together.
func (g *Graph) HoldQueries(bytes int64) error {
	if bytes < 0 {
		g.queries.memory.Give(-bytes)
		return nil
	}
	return g.queries.memory.Take(bytes)
}
