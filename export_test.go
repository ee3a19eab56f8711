package quadrille

import "time"

// SetListenFor changes how long a node listens for a namesake, and returns what sets it back.
func SetListenFor(d time.Duration) (back func()) {
	before := listenFor
	listenFor = d
	return func() { listenFor = before }
}
