package shard

import (
	"cmp"
	"slices"
)

// Node is a candidate for shards.
type Node struct {
	// Name tells the nodes apart.
	Name string
	// Zone is where the node is; a standby is put in another zone than its owner where there is one. May be "".
	Zone string
	// Weight is the node's share of the shards, relative to the others. Less than 1 counts as 1.
	Weight int
}

func (n Node) weight() int { return max(n.Weight, 1) }

// Rebalance assigns the n shards to the nodes, whose names must differ, with the fewest moves from current that balance
// allows. Balanced is: with equal weights every node has n/k shards, rounded down or up; with weights, what the method
// of the largest remainder gives. A shard that loses its owner goes to its standby (standbys[s], may be nil) where that
// has room. The result depends on nothing but the arguments; the order of nodes doesn't matter.
func Rebalance(n int, current Assignment, standbys []string, nodes []Node) Assignment {
	next := make([]string, n)
	if len(nodes) == 0 {
		return Assignment{next}
	}
	room := quotas(n, current, nodes) // what each node may still take
	var homeless []int
	for s := range n {
		if owner := current.Node(s); room[owner] > 0 {
			next[s] = owner
			room[owner]--
		} else {
			homeless = append(homeless, s)
		}
	}
	homeless = slices.DeleteFunc(homeless, func(s int) bool {
		if s >= len(standbys) || room[standbys[s]] == 0 {
			return false
		}
		next[s] = standbys[s]
		room[standbys[s]]--
		return true
	})
	settle(next, homeless, room, nodes)
	return Assignment{next}
}

// Failover assigns the shards of the owner that has gone, and those of nobody, to the nodes, and moves no other: each goes
// to its standby, which has its state already, if that is among the nodes, else to whoever has most room. So it may leave
// more imbalance than it found, which is for planned moves to mend: a node that must read a log from its start before it can
// own the shard holds up those who wait for it.
func Failover(n int, current Assignment, gone string, standbys []string, nodes []Node) Assignment {
	next := make([]string, n)
	if len(nodes) == 0 {
		return Assignment{next}
	}
	room := quotas(n, current, nodes)
	takes := func(name string) bool { _, ok := room[name]; return ok }
	var homeless []int
	for s := range n {
		owner := current.Node(s)
		lost := owner == gone || owner == ""
		if lost && s < len(standbys) {
			owner = standbys[s]
		}
		if lost && !takes(owner) {
			homeless = append(homeless, s)
			continue
		}
		next[s] = owner
		if takes(owner) {
			room[owner]--
		}
	}
	settle(next, homeless, room, nodes)
	return Assignment{next}
}

// settle gives the shards that have no owner to whoever has most room, so that a newcomer's are spread over those of the
// others.
func settle(next []string, homeless []int, room map[string]int, nodes []Node) {
	names := sortedNames(nodes)
	for _, s := range homeless {
		to := slices.MaxFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(room[a], room[b]), cmp.Compare(b, a)) })
		next[s] = to
		room[to]--
	}
}

// quotas is how many shards each node is to have. Of nodes with the same claim to one of the shards that are left over,
// those get it that have it already: that is what makes the moves fewest.
func quotas(n int, current Assignment, nodes []Node) map[string]int {
	owned := map[string]int{}
	for s := range min(n, current.Shards()) {
		owned[current.Node(s)]++
	}
	total := 0
	for _, node := range nodes {
		total += node.weight()
	}
	type claim struct {
		name      string
		remainder int
		keeps     bool
	}
	quota := make(map[string]int, len(nodes))
	claims := make([]claim, 0, len(nodes))
	left := n
	for _, node := range nodes {
		share := n * node.weight()
		quota[node.Name] = share / total
		left -= share / total
		claims = append(claims, claim{node.Name, share % total, owned[node.Name] > share/total})
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(b.remainder, a.remainder), compareBool(b.keeps, a.keeps), cmp.Compare(a.name, b.name))
	})
	for _, c := range claims[:left] {
		quota[c.name]++
	}
	return quota
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func sortedNames(nodes []Node) []string {
	names := make([]string, 0, len(nodes))
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	return names
}

// Standbys chooses one standby per shard among the nodes: never the owner, in another zone than the owner's where there
// is one, and otherwise spread evenly. Those of previous stay where that is allowed. With fewer than two nodes there is
// none, and the result is nil.
func Standbys(a Assignment, previous []string, nodes []Node) []string {
	if len(nodes) < 2 {
		return nil
	}
	n, names := a.Shards(), sortedNames(nodes)
	zone := map[string]string{}
	for _, node := range nodes {
		zone[node.Name] = node.Zone
	}
	// apart reports whether the owner's shards have their standbys in another zone: somebody is there.
	apart := func(owner string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return zone[name] != zone[owner] })
	}
	fits := func(s int, name string) bool {
		owner := a.Node(s)
		_, known := zone[name]
		return known && name != owner && (zone[name] != zone[owner] || !apart(owner))
	}
	next, load := make([]string, n), map[string]int{}
	even := (n + len(nodes) - 1) / len(nodes)
	for s := range min(n, len(previous)) {
		if p := previous[s]; fits(s, p) && load[p] < even {
			next[s] = p
			load[p]++
		}
	}
	for s := range n {
		if next[s] != "" {
			continue
		}
		for _, name := range names {
			if fits(s, name) && (next[s] == "" || load[name] < load[next[s]]) {
				next[s] = name
			}
		}
		load[next[s]]++
	}
	return next
}
