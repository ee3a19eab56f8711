package fragment

import (
	"encoding/binary"
	"math"
	"time"
)

// version is the first byte of a request. Who changes what a request, a block or an estimate looks like counts on.
const version = 2

// Describe is the fragment of a request that asks for estimates of all fragments.
const Describe = -1

// The bounds of a request.
const (
	// MaxQuery is the number of bytes of its query, MaxText that of each other text.
	MaxQuery = 4 << 20
	MaxText  = 64 << 10
	// MaxSlots is the number of variables that its bindings have, and of fragments that a query may have.
	MaxSlots = 1 << 16
)

// Request asks one shard for the rows of a fragment, or for estimates of all of a query.
type Request struct {
	// Query is the text, Key the key of the shards, Base what relative IRIs are resolved against, Union the option UnionDefault of
	// package eval.
	Query, Key, Base string
	Union            bool
	// Once: it is enough to know which bindings have rows, so that one row is sent for each.
	Once bool
	// ID and Time are the identity of the evaluation.
	ID   string
	Time time.Time
	// Fingerprint is that of the query's division: another one comes of another version.
	Fingerprint [16]byte
	// Fragment is the number of the fragment, or [Describe].
	Fragment int
	// Bound are the slots that Bindings, a block, has in its columns. Without slots, the rows are all that the fragment has.
	Bound    []int
	Bindings []byte
}

// Append appends the request to dst.
func (r *Request) Append(dst []byte) []byte {
	dst = append(dst, version)
	for _, text := range []string{r.Query, r.Key, r.Base, r.ID} {
		dst = appendText(dst, text)
	}
	flags := byte(0)
	if r.Union {
		flags |= 1
	}
	if r.Once {
		flags |= 2
	}
	dst = append(dst, flags)
	at, err := r.Time.MarshalBinary()
	if err != nil { // an offset that can't be written
		at, _ = r.Time.UTC().MarshalBinary()
	}
	dst = appendText(dst, string(at))
	dst = append(dst, r.Fingerprint[:]...)
	dst = binary.AppendUvarint(dst, uint64(r.Fragment+1))
	dst = binary.AppendUvarint(dst, uint64(len(r.Bound)))
	for _, slot := range r.Bound {
		dst = binary.AppendUvarint(dst, uint64(slot))
	}
	return append(dst, r.Bindings...)
}

// Parse reads a request. Its error is an [ErrEncoding]. The bindings are part of the request's bytes, and not looked at.
func Parse(request []byte) (*Request, error) {
	if len(request) == 0 || request[0] != version {
		return nil, malformed("a request does not begin with version %d", version)
	}
	r := &Request{}
	in := input{request[1:]}
	for _, text := range []struct {
		to   *string
		most int
		what string
	}{{&r.Query, MaxQuery, "a query"}, {&r.Key, MaxText, "a key"}, {&r.Base, MaxText, "a base"}, {&r.ID, MaxText, "an identity"}} {
		s, err := in.bytes(text.what)
		if err == nil && len(s) > text.most {
			err = malformed("%s has %d bytes, of at most %d", text.what, len(s), text.most)
		}
		if err != nil {
			return nil, err
		}
		*text.to = string(s)
	}
	if err := r.parseRest(&in); err != nil {
		return nil, err
	}
	if r.Bindings = request[len(request)-len(in.text):]; len(r.Bindings) > 0 && len(r.Bound) == 0 {
		return nil, malformed("there are bindings of no variable")
	}
	return r, nil
}

func (r *Request) parseRest(in *input) error {
	flags, err := in.count(3, "as flags")
	if err != nil {
		return err
	}
	r.Union, r.Once = flags&1 != 0, flags&2 != 0
	at, err := in.bytes("a time")
	if err != nil {
		return err
	}
	if len(at) > 0 {
		if err := r.Time.UnmarshalBinary(at); err != nil {
			return malformed("a time: %v", err)
		}
	}
	if len(in.text) < len(r.Fingerprint) {
		return malformed("a fingerprint is cut off")
	}
	in.text = in.text[copy(r.Fingerprint[:], in.text):]
	number, err := in.count(MaxSlots, "as a fragment")
	if err != nil {
		return err
	}
	r.Fragment = number - 1
	slots, err := in.count(MaxSlots, "slots")
	for range slots {
		slot, slotErr := in.count(MaxSlots, "as a slot")
		if slotErr != nil {
			return slotErr
		}
		r.Bound = append(r.Bound, slot)
	}
	return err
}

// Estimate is about how many rows a fragment has in one shard, and how many different keys they have.
type Estimate struct {
	// Rows and Keys are numbers of them, not negative.
	Rows, Keys float64
}

// AppendEstimates appends those of all fragments, in their order.
func AppendEstimates(dst []byte, all []Estimate) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(all)))
	for _, e := range all {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(e.Rows))
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(e.Keys))
	}
	return dst
}

// ParseEstimates reads the estimates of so many fragments. Its error is an [ErrEncoding].
func ParseEstimates(text []byte, fragments int) ([]Estimate, error) {
	in := input{text}
	n, err := in.count(MaxSlots, "estimates")
	if err == nil && n != fragments {
		err = malformed("%d estimates of %d fragments", n, fragments)
	}
	if err != nil {
		return nil, err
	}
	all := make([]Estimate, n)
	for i := range all {
		if all[i].Rows, err = in.float(); err != nil {
			return nil, err
		}
		if all[i].Keys, err = in.float(); err != nil {
			return nil, err
		}
	}
	return all, in.end()
}

// float reads a number that is not negative and not infinite.
func (in *input) float() (float64, error) {
	bits, err := in.fixed()
	f := math.Float64frombits(bits)
	if err == nil && !(f >= 0 && f <= math.MaxFloat64) {
		err = malformed("%v is no estimate", f)
	}
	return f, err
}
