package channel_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uacp"
	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector/opcua/internal/channel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers one connection by a function, and returns its address.
func serve(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		answer(conn)
		_, _ = io.Copy(io.Discard, conn) // until the client has seen it
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return "opc.tcp://" + l.Addr().String()
}

// chunk is one of a server.
func chunk(kind string, body []byte) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte(kind), uint32(8+len(body))), body...)
}

// request reads a chunk of the client's.
func request(conn net.Conn) []byte {
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil
	}
	body := make([]byte, max(binary.LittleEndian.Uint32(head[4:]), 8)-8)
	_, _ = io.ReadFull(conn, body) // then it is not what is expected
	return body
}

// agree is what a server says first.
func agree(conn net.Conn, receive uint32) {
	request(conn)
	body, _ := (&uacp.Acknowledge{ReceiveBufSize: receive, SendBufSize: 65535}).Encode()
	_, _ = conn.Write(chunk("ACKF", body)) // the client finds out
}

// issued is the answer to a request for keys, as the server's chunk with a number, on a channel without security.
func issued(t *testing.T, number, id uint32) []byte {
	t.Helper()
	body, err := ua.Encode(&ua.OpenSecureChannelResponse{
		ResponseHeader: &ua.ResponseHeader{ServiceDiagnostics: &ua.DiagnosticInfo{}, AdditionalHeader: ua.NewExtensionObject(nil)},
		SecurityToken:  &ua.ChannelSecurityToken{ChannelID: 3, TokenID: 4, RevisedLifetime: 3_600_000},
	})
	if err != nil {
		t.Fatal(err)
	}
	kind, err := ua.NewFourByteExpandedNodeID(0, ua.ServiceTypeID(&ua.OpenSecureChannelResponse{})).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return sealed("OPNF", "\x03\x00\x00\x00"+text(ua.SecurityPolicyURINone)+"\xff\xff\xff\xff\xff\xff\xff\xff", number, id,
		append(kind, body...))
}

// opened opens a channel, and reads the request that comes over it.
func opened(t *testing.T, conn net.Conn) {
	t.Helper()
	agree(conn, 65535)
	request(conn)
	_, _ = conn.Write(issued(t, 1, 1)) // the client finds out
	request(conn)
}

// reset ends a connection as a system does where not all was read that has come, and where a process dies.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0) //nolint:forcetypeassert // it is one
	_ = conn.Close()
}

// message is what a chunk of the channel begins with, with its keys.
const message = "\x03\x00\x00\x00\x04\x00\x00\x00"

// fault is the body that says why a request is refused.
func fault(t *testing.T, code ua.StatusCode) []byte {
	t.Helper()
	body, err := ua.Encode(&ua.ServiceFault{ResponseHeader: &ua.ResponseHeader{ServiceResult: code, ServiceDiagnostics: &ua.DiagnosticInfo{},
		AdditionalHeader: ua.NewExtensionObject(nil)}})
	if err != nil {
		t.Fatal(err)
	}
	kind, err := ua.NewFourByteExpandedNodeID(0, ua.ServiceTypeID(&ua.ServiceFault{})).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return append(kind, body...)
}

func text(s string) string {
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func sealed(kind, head string, number, id uint32, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(head), number)
	return chunk(kind, append(binary.LittleEndian.AppendUint32(b, id), body...))
}

// TestServersThatAreWrong: what a server may not send ends the opening, or the channel, and says why.
func TestServersThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(net.Conn)
		want   string
	}{
		"not OPC UA":      {func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, "chunk"},
		"another message": {func(c net.Conn) { _, _ = c.Write(chunk("MSGF", nil)) }, "speaks no OPC UA"},
		"an error": {func(c net.Conn) {
			_, _ = c.Write(chunk("ERRF", []byte("\x00\x00\x83\x80"+text("no such path"))))
		}, "no such path"},
		"ends":             {func(c net.Conn) { c.Close() }, "EOF"},
		"ends in a hurry":  {func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); c.Close() }, "EOF"},
		"is reset":         {func(c net.Conn) { opened(t, c); reset(c) }, "EOF"},
		"chunks too small": {func(c net.Conn) { agree(c, 100) }, "chunks of 100 bytes"},
		"chunk too large":  {func(c net.Conn) { agree(c, 65535); _, _ = c.Write([]byte("OPNF\xff\xff\xff\xff")) }, "of 4294967295 bytes"},
		"chunk too small":  {func(c net.Conn) { agree(c, 65535); _, _ = c.Write([]byte("OPNF\x07\x00\x00\x00")) }, "of 7 bytes"},
		"nothing in it":    {func(c net.Conn) { agree(c, 65535); _, _ = c.Write(chunk("OPNF", nil)) }, "of 8 bytes"},
		"another policy": {func(c net.Conn) {
			agree(c, 65535)
			_, _ = c.Write(chunk("OPNF", []byte("\x03\x00\x00\x00"+text("urn:other")+"\xff\xff\xff\xff\xff\xff\xff\xff")))
		}, "another server"},
		"keys that it hasn't made": {func(c net.Conn) { agree(c, 65535); _, _ = c.Write(sealed("MSGF", message, 1, 1, nil)) },
			"hasn't made"},
		"keys nobody has asked for": {func(c net.Conn) {
			opened(t, c)
			_, _ = c.Write(issued(t, 2, 2))
		}, "nobody has asked for"},
		"a chunk is missing": {func(c net.Conn) {
			agree(c, 65535)
			request(c)
			_, _ = c.Write(append(issued(t, 1, 1), sealed("MSGF", message, 3, 2, nil)...))
		}, "chunk 3 after chunk 1"},
		"a message without end": {func(c net.Conn) {
			opened(t, c)
			for number := range uint32(5000) {
				if _, err := c.Write(sealed("MSGC", message, 2+number, 2, make([]byte, 100))); err != nil {
					return
				}
			}
		}, "more than 4096 chunks"},
		"aborts": {func(c net.Conn) {
			opened(t, c)
			_, _ = c.Write(sealed("MSGC", message, 2, 2, make([]byte, 100)))
			_, _ = c.Write(sealed("MSGA", message, 3, 2, []byte("\x00\x00\xb9\x80"+text("too large"))))
		}, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			err := ask(t, plain(serve(t, c.answer)))
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ua.StatusBadTimeout) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// plain is a channel without security.
func plain(url string) channel.Config {
	return channel.Config{URL: url, Policy: ua.SecurityPolicyURINone, Mode: ua.MessageSecurityModeNone, Lifetime: time.Hour,
		Timeout: time.Minute}
}

// TestRefusedAndEnded: who is refused is told so, also where the connection ends with it: what has come before its end counts.
func TestRefusedAndEnded(t *testing.T) {
	for range 100 { // who waits sees either first
		err := ask(t, plain(serve(t, func(c net.Conn) {
			opened(t, c)
			_, _ = c.Write(sealed("MSGF", message, 2, 2, fault(t, ua.StatusBadIdentityTokenRejected)))
			c.Close()
		})))
		if !errors.Is(err, ua.StatusBadIdentityTokenRejected) {
			t.Fatal(err)
		}
	}
}

// ask opens a channel and asks something.
func ask(t *testing.T, cfg channel.Config) error {
	t.Helper()
	c, err := channel.Dial(t.Context(), cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Ask(t.Context(), &ua.GetEndpointsRequest{}, new(ua.GetEndpointsResponse), nil, cfg.Timeout)
}
