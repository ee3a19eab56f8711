package mqtt

import (
	"bytes"
	"fmt"
	"math"

	"github.com/eclipse/paho.golang/packets"
)

// v5 is MQTT 5.
type v5 struct{}

func (v5) decode(frame []byte) (any, error) {
	packet, err := packets.ReadPacket(bytes.NewReader(frame))
	if err != nil {
		return nil, err
	}
	switch p := packet.Content.(type) {
	case *packets.Connack:
		return welcomeV5(p), nil
	case *packets.Publish:
		m := &message{topic: p.Topic, payload: p.Payload, qos: p.QoS, dup: p.Duplicate, retain: p.Retain, id: p.PacketID,
			contentType: p.Properties.ContentType}
		for _, user := range p.Properties.User {
			m.user = append(m.user, property{user.Key, user.Value})
		}
		return m, nil
	case *packets.Puback:
		return &signal{kindPuback, p.PacketID, p.ReasonCode, p.Properties.ReasonString}, nil
	case *packets.Pubrec:
		return &signal{kindPubrec, p.PacketID, p.ReasonCode, p.Properties.ReasonString}, nil
	case *packets.Pubrel:
		return &signal{kindPubrel, p.PacketID, p.ReasonCode, p.Properties.ReasonString}, nil
	case *packets.Pubcomp:
		return &signal{kindPubcomp, p.PacketID, p.ReasonCode, p.Properties.ReasonString}, nil
	case *packets.Suback:
		return &subscribed{p.PacketID, p.Reasons, p.Properties.ReasonString}, nil
	case *packets.Pingresp:
		return &signal{kind: kindPong}, nil
	case *packets.Disconnect:
		return &signal{kind: kindDisconnect, code: p.ReasonCode, reason: p.Properties.ReasonString}, nil
	}
	return nil, fmt.Errorf("unexpected packet %s", packet.PacketType())
}

// welcomeV5 says what a broker can do; what it doesn't mention it can.
func welcomeV5(p *packets.Connack) *welcome {
	w := &welcome{code: p.ReasonCode, reason: p.Properties.ReasonString, present: p.SessionPresent, maxQoS: 2,
		receiveMaximum: math.MaxUint16}
	if v := p.Properties.ServerKeepAlive; v != nil {
		w.keepAlive = *v
	}
	if v := p.Properties.ReceiveMaximum; v != nil {
		w.receiveMaximum = *v
	}
	if v := p.Properties.MaximumPacketSize; v != nil {
		w.maxPacket = *v
	}
	if v := p.Properties.MaximumQOS; v != nil {
		w.maxQoS = *v
	}
	w.noRetain = p.Properties.RetainAvailable != nil && *p.Properties.RetainAvailable == 0
	return w
}

func (v5) encode(w *bytes.Buffer, packet any) error {
	var out *packets.ControlPacket
	switch p := packet.(type) {
	case *hello:
		out = helloV5(p)
	case *message:
		out = packets.NewControlPacket(packets.PUBLISH)
		out.Content = publishV5(p)
	case *signal:
		out = signalV5(p)
	case *subscribe:
		content := &packets.Subscribe{Properties: &packets.Properties{}, PacketID: p.id}
		for _, filter := range p.filters {
			content.Subscriptions = append(content.Subscriptions,
				packets.SubOptions{Topic: filter, QoS: p.qos, RetainHandling: p.retained})
		}
		out = packets.NewControlPacket(packets.SUBSCRIBE)
		out.Content = content
	}
	if out == nil {
		return fmt.Errorf("a packet %T is not sent", packet)
	}
	_, err := out.WriteTo(w)
	return err
}

func helloV5(p *hello) *packets.ControlPacket {
	content := &packets.Connect{ProtocolName: "MQTT", ProtocolVersion: 5, ClientID: p.client, CleanStart: p.clean, KeepAlive: p.keepAlive,
		UsernameFlag: p.user != "", Username: p.user, PasswordFlag: p.password != "", Password: []byte(p.password),
		Properties: &packets.Properties{SessionExpiryInterval: &p.sessionExpiry}}
	if p.receiveMaximum != 0 {
		content.Properties.ReceiveMaximum = &p.receiveMaximum
	}
	if p.will != nil {
		content.WillFlag, content.WillTopic, content.WillMessage = true, p.will.topic, p.will.payload
		content.WillQOS, content.WillRetain, content.WillProperties = p.will.qos, p.will.retain, &packets.Properties{}
	}
	out := packets.NewControlPacket(packets.CONNECT)
	out.Content = content
	return out
}

func publishV5(p *message) *packets.Publish {
	content := &packets.Publish{Topic: p.topic, Payload: p.payload, QoS: p.qos, Duplicate: p.dup, Retain: p.retain, PacketID: p.id,
		Properties: &packets.Properties{ContentType: p.contentType}}
	for _, user := range p.user {
		content.Properties.User = append(content.Properties.User, packets.User{Key: user.key, Value: user.value})
	}
	return content
}

func signalV5(p *signal) *packets.ControlPacket {
	out := packets.NewControlPacket(byte(p.kind))
	switch content := out.Content.(type) {
	case *packets.Puback:
		content.PacketID, content.ReasonCode = p.id, p.code
	case *packets.Pubrec:
		content.PacketID, content.ReasonCode = p.id, p.code
	case *packets.Pubrel:
		content.PacketID, content.ReasonCode = p.id, p.code
	case *packets.Pubcomp:
		content.PacketID, content.ReasonCode = p.id, p.code
	case *packets.Disconnect:
		content.ReasonCode = p.code
	}
	return out
}
