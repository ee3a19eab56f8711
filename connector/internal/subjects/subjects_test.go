package subjects

import "testing"

func TestOf(t *testing.T) {
	list, err := Of([]byte("TX .\nPA \"p\" <urn:p:> .\nA <urn:a> <urn:p> \"1\" .\nD _:b <urn:p> \"2\" <urn:g> .\nD <urn:a> <urn:p> \"0\" .\nTC .\n"))
	if err != nil || len(list) != 2 ||
		string(list[0].Key) != "urn:a" || string(list[0].Rows) != "TX .\nA <urn:a> <urn:p> \"1\" .\nD <urn:a> <urn:p> \"0\" .\nTC .\n" ||
		string(list[1].Key) != "_:b" || string(list[1].Rows) != "TX .\nD _:b <urn:p> \"2\" <urn:g> .\nTC .\n" {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := Of([]byte("TX .\nTC .\n")); len(list) != 0 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := Of([]byte("A <urn:a> .\n")); err == nil {
		t.Error("half a row is taken")
	}
}
