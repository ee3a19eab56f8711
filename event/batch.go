package event

// Batch is what travels between nodes: events of one shard to its owner, or the owner's acks back.
type Batch struct {
	// From is the node that sent the batch, to which acks go. Empty: nobody waits for acks.
	From string
	// Shard is the shard of all events, or of the batch that Acks answers.
	Shard int
	// ID tells the batches of From and Shard apart; a batch sent again keeps it. Acks carry the ID they answer.
	ID uint64
	// Events are in order.
	Events []Event
	// Acks answer the events of batch ID one by one; a single one that is [Status.Refusal], or Halted, answers the whole
	// batch.
	Acks []Ack
}
