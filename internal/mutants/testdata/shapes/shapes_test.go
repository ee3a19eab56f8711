package shapes

import "testing"

func TestShapes(t *testing.T) {
	if Limit != 3 || (Numbers{1}).Most(5, 2) != 5 || Numbers(nil).Name("", "") != "numbers!" {
		t.Fail()
	}
	if Pick("a", 1, true) != "a" || Pick(1, "", false) != 0 {
		t.Fail()
	}
	Nothing(1, "")
	if Calls != 1 || Guarded(func() { panic("") }) != ErrBroken || Kind(0)+Kind(1) != "nonesome" {
		t.Fail()
	}
}
