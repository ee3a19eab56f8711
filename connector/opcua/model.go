package opcua

import (
	"context"
	"fmt"
	"time"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/internal/contain"
)

// follow subscribes to the server's events about changes of its model (part 5, 6.4.32). So the session isn't silent, and its end is
// noticed, also where the server tells no such events.
func (m *model) follow(ctx context.Context) error {
	if err := m.subscribe(ctx); err != nil {
		return err
	}
	request := &ua.CreateMonitoredItemsRequest{SubscriptionID: m.subscription, TimestampsToReturn: ua.TimestampsToReturnNeither,
		ItemsToCreate: []*ua.MonitoredItemCreateRequest{{
			ItemToMonitor:  attribute(ua.NewNumericNodeID(0, id.Server), ua.AttributeIDEventNotifier),
			MonitoringMode: ua.MonitoringModeReporting, RequestedParameters: &ua.MonitoringParameters{Filter: modelChanges(), QueueSize: 1,
				DiscardOldest: true}}}}
	answer, err := ask[*ua.CreateMonitoredItemsResponse](ctx, m.session, request)
	if err != nil {
		return fmt.Errorf("monitor events: %w", err)
	}
	for _, result := range answer.Results {
		if bad(result.StatusCode) {
			m.s.cfg.Logger.Info("the server tells no changes of its model; they are found when it is read again", "server", m.s.cfg.URL,
				"every", m.s.cfg.Every, "why", result.StatusCode)
		}
	}
	m.begin(ctx)
	return nil
}

// modelChanges are events about changes of the model, and nothing but their type.
func modelChanges() *ua.ExtensionObject {
	kind := ua.NewExtensionObject(&ua.LiteralOperand{Value: ua.MustVariant(ua.NewNumericNodeID(0, id.BaseModelChangeEventType))})
	return ua.NewExtensionObject(&ua.EventFilter{
		SelectClauses: []*ua.SimpleAttributeOperand{{TypeDefinitionID: ua.NewNumericNodeID(0, id.BaseEventType),
			BrowsePath: []*ua.QualifiedName{{Name: "EventType"}}, AttributeID: ua.AttributeIDValue}},
		WhereClause: &ua.ContentFilter{Elements: []*ua.ContentFilterElement{{FilterOperator: ua.FilterOperatorOfType,
			FilterOperands: []*ua.ExtensionObject{kind}}}},
	})
}

// tell lets who waits for an event, or for the end of the session, know that there is one.
func (r *reader) tell() {
	select {
	case r.event <- struct{}{}:
	default: // it is told already, or nobody waits
	}
}

// reason is why the reader is of no use any more; nil, if it isn't.
func (r *reader) reason() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// begin lets what the server sends be taken in, until the reader ends.
func (r *reader) begin(ctx context.Context) {
	r.seen = time.Now()
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	failed := func(err error) { r.fail(running, err) }
	for range publishers {
		r.tasks.Go(func() { contain.Task(func() { r.publish(running) }, failed) })
	}
	silence := r.silence
	r.tasks.Go(func() { contain.Task(func() { r.watch(running, silence) }, failed) })
}
