package operator

import (
	"testing"
	"time"
)

// TestTimeOfRecord: a record's time has no monotonic part, so that its writer, who has the value in memory, and its
// readers, who have the text, forget producers at the same record.
func TestTimeOfRecord(t *testing.T) {
	o := New(Config{Logic: func() Logic { return nil }})
	o.now = time.Now()
	if got := o.time(); got != got.Round(0) || !got.Equal(o.now) || got.Location() != time.UTC {
		t.Errorf("%v of %v", got, o.now)
	}
	if o.now == o.now.Round(0) {
		t.Error("the clock gives no monotonic time: this test shows nothing")
	}
}
