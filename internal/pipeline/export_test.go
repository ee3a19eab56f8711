package pipeline

// Positions are those up to which the target has each shard.
func (s *Sink) Positions() map[int]uint64 {
	all := map[int]uint64{}
	for shard, of := range s.Shards() {
		if of.Opened {
			all[shard] = of.At.Position
		}
	}
	return all
}

// Failures say why shards are being tried again.
func (s *Sink) Failures() map[int]Failure {
	all := map[int]Failure{}
	for shard, of := range s.Shards() {
		if of.Err != nil {
			all[shard] = of.Failure
		}
	}
	return all
}
