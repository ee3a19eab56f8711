package demo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// partitions is the number of those of the topic.
	partitions = 4
	// closePatience bounds what is cleared up at the end.
	closePatience = 5 * time.Second
)

// kafka is a topic that is made for the demo.
type kafka struct {
	client  *kgo.Client
	brokers []string
	topic   string
}

func newKafka(ctx context.Context, address, run string) (peer, error) {
	k := &kafka{brokers: strings.Split(address, ","), topic: "quadrille-" + run}
	var err error
	k.client, err = kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.DefaultProduceTopic(k.topic), kgo.RecordDeliveryTimeout(patience),
		kgo.RetryTimeout(closePatience), kgo.UnknownTopicRetries(-1))
	if err != nil {
		return nil, err
	}
	if _, err := kadm.NewClient(k.client).CreateTopic(ctx, partitions, -1, nil, k.topic); err != nil {
		k.client.Close()
		return nil, fmt.Errorf("make the topic %s: %w", k.topic, err)
	}
	return k, nil
}

func (k *kafka) source() string {
	return fmt.Sprintf("{name: demo, type: kafka, brokers: ['%s'], topics: %s, tls: false}", strings.Join(k.brokers, "', '"), k.topic)
}

// send sends with the number of the sender as the key, so that its requests are in one partition.
func (k *kafka) send(ctx context.Context, sender int, body []byte) error {
	return k.client.ProduceSync(ctx, &kgo.Record{Key: []byte(strconv.Itoa(sender)), Value: body}).FirstErr()
}

func (k *kafka) once() bool { return true }

func (k *kafka) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	defer k.client.Close()
	done, err := kadm.NewClient(k.client).DeleteTopics(ctx, k.topic)
	if err = errors.Join(err, done.Error()); err != nil {
		return fmt.Errorf("delete the topic %s: %w", k.topic, err)
	}
	return nil
}
