package mqtt

import (
	"bytes"
	"fmt"
	"math"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// v311 is MQTT 3.1.1. It has no properties: no content type, no user properties, no expiry of a session, no receive maximum, and no
// reasons but a few.
type v311 struct{}

// codesV311 are the answers to a connection, as MQTT 5 has them.
var codesV311 = []byte{0, 0x84, 0x85, 0x88, 0x86, 0x87}

func (v311) decode(frame []byte) (any, error) {
	packet, err := packets.ReadPacket(bytes.NewReader(frame))
	if err != nil {
		return nil, err
	}
	switch p := packet.(type) {
	case *packets.ConnackPacket:
		code := byte(failed)
		if int(p.ReturnCode) < len(codesV311) {
			code = codesV311[p.ReturnCode]
		}
		return &welcome{code: code, present: p.SessionPresent, maxQoS: 2, receiveMaximum: math.MaxUint16}, nil
	case *packets.PublishPacket:
		return &message{topic: p.TopicName, payload: p.Payload, qos: p.Qos, dup: p.Dup, retain: p.Retain, id: p.MessageID}, nil
	case *packets.PubackPacket:
		return &signal{kind: kindPuback, id: p.MessageID}, nil
	case *packets.PubrecPacket:
		return &signal{kind: kindPubrec, id: p.MessageID}, nil
	case *packets.PubrelPacket:
		return &signal{kind: kindPubrel, id: p.MessageID}, nil
	case *packets.PubcompPacket:
		return &signal{kind: kindPubcomp, id: p.MessageID}, nil
	case *packets.SubackPacket:
		return &subscribed{id: p.MessageID, codes: p.ReturnCodes}, nil
	case *packets.PingrespPacket:
		return &signal{kind: kindPong}, nil
	}
	return nil, fmt.Errorf("unexpected packet %v", packet)
}

func (v311) encode(w *bytes.Buffer, packet any) error {
	var out packets.ControlPacket
	switch p := packet.(type) {
	case *hello:
		out = helloV311(p)
	case *message:
		content := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket) //nolint:forcetypeassert // it makes what it is asked for
		content.TopicName, content.Payload, content.MessageID = p.topic, p.payload, p.id
		content.Qos, content.Dup, content.Retain = p.qos, p.dup, p.retain
		out = content
	case *signal:
		out = signalV311(p)
	case *subscribe:
		content := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket) //nolint:forcetypeassert // as above
		content.MessageID, content.Topics = p.id, p.filters
		for range p.filters {
			content.Qoss = append(content.Qoss, p.qos)
		}
		out = content
	}
	if out == nil {
		return fmt.Errorf("a packet %T is not sent", packet)
	}
	return out.Write(w)
}

func helloV311(p *hello) packets.ControlPacket {
	content := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket) //nolint:forcetypeassert // as above
	content.ProtocolName, content.ProtocolVersion, content.ClientIdentifier = "MQTT", 4, p.client
	content.CleanSession, content.Keepalive = p.clean, p.keepAlive
	content.UsernameFlag, content.Username, content.PasswordFlag, content.Password = p.user != "", p.user, p.password != "", []byte(p.password)
	if p.will != nil {
		content.WillFlag, content.WillTopic, content.WillMessage = true, p.will.topic, p.will.payload
		content.WillQos, content.WillRetain = p.will.qos, p.will.retain
	}
	return content
}

func signalV311(p *signal) packets.ControlPacket {
	out := packets.NewControlPacket(byte(p.kind))
	switch content := out.(type) {
	case *packets.PubackPacket:
		content.MessageID = p.id
	case *packets.PubrecPacket:
		content.MessageID = p.id
	case *packets.PubrelPacket:
		content.MessageID = p.id
	case *packets.PubcompPacket:
		content.MessageID = p.id
	}
	return out
}
