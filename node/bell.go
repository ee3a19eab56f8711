package node

import "sync"

// bell wakes those who wait for something to change. The zero bell is ready. It may be used concurrently.
type bell struct {
	mu     sync.Mutex
	waited chan struct{} // nil: nobody waits
}

// wait returns a channel that tell closes. Who asks for it before it looks at what may change misses nothing.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waited == nil {
		b.waited = make(chan struct{})
	}
	return b.waited
}

// tell wakes all who wait.
func (b *bell) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waited != nil {
		close(b.waited)
		b.waited = nil
	}
}
