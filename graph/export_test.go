package graph

// Hold adds to the memory that documents of JSON-LD take, and returns what it is then.
func (g *Graph) Hold(bytes int64) int64 { return g.held.Add(bytes) }
