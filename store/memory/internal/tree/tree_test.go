package tree

import (
	"cmp"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func compare(a, b Key) int {
	return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]), cmp.Compare(a[2], b[2]), cmp.Compare(a[3], b[3]))
}

// check fails unless the tree has these keys, and is as it should be.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, tree Tree, want []Key) {
	t.Helper()
	got := slices.Collect(tree.Range(Key{}, 0))
	if !slices.Equal(got, want) {
		t.Fatalf("%d keys, expected %d:\n%v\n%v", len(got), len(want), got, want)
	}
	if tree.Len() != len(want) {
		t.Fatalf("Len is %d, expected %d", tree.Len(), len(want))
	}
	if tree.root.count > 0 {
		checkNode(t, &tree.root, tree.height)
	}
}

func checkNode(t interface {
	Helper()
	Fatalf(string, ...any)
}, c *kid, height int) {
	t.Helper()
	if (c.leaf != nil) != (height == 0) || (c.branch != nil) != (height > 0) {
		t.Fatalf("a leaf at height %d, or a branch at 0", height)
	}
	if c.leaf != nil {
		if first := c.leaf.key(0); first.less(&c.first) || int(c.leaf.n) != c.count {
			t.Fatalf("leaf of %d keys from %v, its parent says %d from %v", c.leaf.n, first, c.count, c.first)
		}
		return
	}
	sum := 0
	for i := range c.branch.kids {
		k := &c.branch.kids[i]
		if k.first.less(&c.first) || i > 0 && !c.branch.kids[i-1].first.less(&k.first) {
			t.Fatalf("child %d begins at %v", i, k.first)
		}
		checkNode(t, k, height-1)
		sum += k.count
	}
	if sum != c.count || len(c.branch.kids) > maxKids {
		t.Fatalf("%d keys in %d children, expected %d", sum, len(c.branch.kids), c.count)
	}
}

// number draws numbers that are near each other, far from each other, and at the ends.
var number = rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64Range(250, 260), rapid.Uint64(),
	rapid.SampledFrom([]uint64{math.MaxUint64, math.MaxUint64 - 1, 1 << 63, 1<<32 - 1, 1 << 32}))

func drawKey(t *rapid.T) (k Key) {
	for c := range k {
		k[c] = number.Draw(t, "component")
	}
	return k
}

// TestModel makes random changes, with views, and compares with a sorted list.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type view struct {
			tree Tree
			want []Key
		}
		var tree Tree
		var want []Key
		var views []view
		e := Epochs{Now: 1}
		seed := rapid.Uint64().Draw(t, "seed")
		random := rand.New(rand.NewPCG(seed, 1))
		few := rapid.Uint64Range(1, 40).Draw(t, "different components")
		for range rapid.IntRange(1, 30).Draw(t, "rounds") {
			inserts := rapid.IntRange(0, 200).Draw(t, "insertions")
			for range inserts {
				k := Key{random.Uint64N(few), random.Uint64N(few), random.Uint64N(few), random.Uint64N(2)}
				if rapid.IntRange(0, 50).Draw(t, "any key") == 0 {
					k = drawKey(t)
				}
				tree, want = insert(t, tree, want, k, e)
			}
			for range rapid.IntRange(0, 200).Draw(t, "deletions") {
				if len(want) > 0 {
					tree, want = remove(t, tree, want, random.IntN(len(want)), e)
				}
			}
			check(t, tree, want)
			if rapid.Bool().Draw(t, "view") {
				views = append(views, view{tree, slices.Clone(want)})
				e = Epochs{Now: e.Now + 1, Frozen: e.Now}
			}
		}
		for _, v := range views {
			check(t, v.tree, v.want)
		}
		checkPrefixes(t, tree, want, random, few)
		check(t, Build(slices.Values(want), e), want)
	})
}

// most is how many components a key shares with one of the list.
func most(list []Key, k Key) (n int) {
	for i := range list {
		n = max(n, Common(&list[i], &k))
	}
	return n
}

func insert(t *rapid.T, tree Tree, want []Key, k Key, e Epochs) (Tree, []Key) {
	i, there := slices.BinarySearchFunc(want, k, compare)
	if counted := tree.Count(k, len(k)); counted > 1 || counted == 1 != there {
		t.Fatalf("%v is there %d times, expected: %v", k, counted, there)
	}
	if there {
		return tree, want
	}
	if shared := tree.Insert(k, e); shared != most(want, k) {
		t.Fatalf("%v shares %d components, expected %d", k, shared, most(want, k))
	}
	return tree, slices.Insert(want, i, k)
}

func remove(t *rapid.T, tree Tree, want []Key, i int, e Epochs) (Tree, []Key) {
	k := want[i]
	want = slices.Delete(want, i, i+1)
	if shared := tree.Delete(k, e); shared != most(want, k) {
		t.Fatalf("%v shared %d components, expected %d", k, shared, most(want, k))
	}
	return tree, want
}

// checkPrefixes compares what begins with some components.
func checkPrefixes(t *rapid.T, tree Tree, all []Key, random *rand.Rand, few uint64) {
	for range 50 {
		k := Key{random.Uint64N(few), random.Uint64N(few), random.Uint64N(few), random.Uint64N(2)}
		if len(all) > 0 && random.IntN(2) == 0 {
			k = all[random.IntN(len(all))]
		}
		n := random.IntN(5)
		var want []Key
		for _, other := range all {
			if Common(&k, &other) >= n {
				want = append(want, other)
			}
		}
		if got := slices.Collect(tree.Range(k, n)); !slices.Equal(got, want) || tree.Count(k, n) != len(want) {
			t.Fatalf("%d components of %v: %d keys, count %d; expected %d", n, k, len(got), tree.Count(k, n), len(want))
		}
	}
}

// TestStop ends a range early, at each place.
func TestStop(t *testing.T) {
	tree := Build(numbers(1000), Epochs{Now: 1})
	for most := range 1000 {
		n := 0
		for range tree.Range(Key{}, 0) {
			if n++; n > most {
				break
			}
		}
		if n != most+1 {
			t.Fatalf("%d keys after an end at %d", n, most+1)
		}
	}
}

func numbers(n int) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for i := range n {
			if !yield(Key{uint64(i) / 100, uint64(i) % 100, 7, uint64(i)}) {
				return
			}
		}
	}
}

func TestDeleteOfNothing(t *testing.T) {
	for name, tree := range map[string]Tree{"empty": {}, "full": Build(numbers(1000), Epochs{Now: 1})} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			tree.Delete(Key{9, 9, 9, 9}, Epochs{Now: 1})
		})
	}
}

// TestCopiedOnce sees that a view costs copies of nodes once.
func TestCopiedOnce(t *testing.T) {
	tree := Build(numbers(10_000), Epochs{Now: 1})
	e := Epochs{Now: 2, Frozen: 1}
	tree.Insert(Key{3, 3, 3, 3}, e)
	at := func() *leaf {
		c := &tree.root
		for k := (Key{3, 3, 3, 3}); c.branch != nil; {
			c = &c.branch.kids[c.branch.find(&k)]
		}
		return c.leaf
	}
	first := at()
	tree.Insert(Key{3, 3, 3, 4}, e)
	if at() != first {
		t.Error("a leaf that no view sees was copied")
	}
}

func BenchmarkInsert(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	keys := make([]Key, 1_000_000)
	for i := range keys {
		keys[i] = Key{uint64(i % 5), random.Uint64N(1_000_000), uint64(i), uint64(i % 50)}
	}
	for b.Loop() {
		var tree Tree
		for _, k := range keys {
			tree.Insert(k, Epochs{Now: 1})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(keys)), "ns/key")
}

func BenchmarkRange(b *testing.B) {
	tree := Build(numbers(1_000_000), Epochs{Now: 1})
	for b.Loop() {
		for range tree.Range(Key{}, 0) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/key")
}

func BenchmarkProbe(b *testing.B) {
	tree := Build(numbers(1_000_000), Epochs{Now: 1})
	i := uint64(0)
	for b.Loop() {
		i = (i + 7919) % 10_000
		for range tree.Range(Key{i, i % 100}, 2) {
		}
	}
}
