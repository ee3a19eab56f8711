package node

import (
	"context"
	"fmt"
)

// Ask sends a request to a node of the pipeline, whose [Config].Answer answers it, and calls fn for each part of the answer, in
// order. It returns nil when fn has had the whole answer. This node is asked by a function call; else all is the same.
//
// The bytes of the request are lent until Ask returns, those of a part until fn returns. While fn takes its time the answerer waits,
// so that little is held; fn returns soon when ctx ends. Many may ask at once.
//
// The error is that of ctx when it ends, fn's, or a [request.Error], whose code says what may be done: another node can be asked
// after all but [request.TooLarge] and [request.Failed], where the kind tells what the answerer means. A node that is not there is
// known at once, one that falls silent after two seconds. What fn had until then is the beginning of the answer.
func (n *Node) Ask(ctx context.Context, name string, content []byte, fn func(part []byte) error) error {
	return n.cfg.Requests.Ask(ctx, name, content, fn)
}

// answer has this node answer requests until it is withdrawn.
func (n *Node) answer() error {
	if n.cfg.Answer == nil {
		return nil
	}
	if err := n.cfg.Requests.Answer(n.cfg.Name, n.cfg.Answer, n.cfg.AnswerAtOnce); err != nil {
		return fmt.Errorf("answer requests: %w", err)
	}
	return nil
}

// withdraw has it answer no more, and returns when nothing is being answered.
func (n *Node) withdraw() {
	if n.cfg.Answer != nil {
		n.cfg.Requests.Withdraw(n.cfg.Name)
	}
}
