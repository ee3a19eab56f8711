package toy

import "testing"

func TestSign(t *testing.T) {
	if Sign(-5) != -1 || Sign(5) != 1 {
		t.Fail()
	}
}

func TestSum(t *testing.T) {
	if Sum(2) != 3 {
		t.Fail()
	}
}
