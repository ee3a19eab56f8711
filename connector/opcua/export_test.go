package opcua

import "time"

// SetLifetime makes keys that are made anew sooner.
func (c *Connection) SetLifetime(d time.Duration) { c.lifetime = d }
