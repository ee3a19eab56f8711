package channel

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uacp"
	"github.com/gopcua/opcua/uapolicy"
	"github.com/gopcua/opcua/uasc"
)

// The types of messages (part 6, 6.7.2 and 7.1.2).
const (
	typeHello       = "HEL"
	typeAcknowledge = "ACK"
	typeError       = "ERR"
	typeOpen        = "OPN"
	typeMessage     = "MSG"
	typeClose       = "CLO"
)

const (
	// maxChunk bounds a chunk in bytes, maxMessage all of those whose message isn't complete, maxChunks their number in one message.
	maxChunk   = 1<<16 - 1
	maxMessage = 64 << 20
	maxChunks  = 4096
	// minChunk is what every server takes (part 6, 7.1.2.3).
	minChunk = 8192
	// shortHeader is what every chunk begins with, longHeader what those of a channel do, sequenceHeader what stands before the body.
	shortHeader, longHeader, sequenceHeader = 8, 12, 8
)

// limits are what the server takes; 0: anything.
type limits struct{ chunk, message, chunks int }

// hello agrees on limits (part 6, 7.1.2).
func (c *Channel) hello(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.conn.SetDeadline(deadline) // reading finds out
	}
	hello := &uacp.Hello{ReceiveBufSize: maxChunk, SendBufSize: maxChunk, MaxMessageSize: maxMessage, MaxChunkCount: maxChunks,
		EndpointURL: c.cfg.URL}
	body, err := hello.Encode()
	if err != nil {
		return err
	}
	if _, err := c.conn.Write(append(header(typeHello, 'F', shortHeader+len(body)), body...)); err != nil {
		return ended(err)
	}
	kind, chunk, err := readChunk(c.conn)
	if err != nil {
		return ended(err)
	}
	if kind != typeAcknowledge {
		return fmt.Errorf("the server has answered with %q: it speaks no OPC UA", kind)
	}
	answer := new(uacp.Acknowledge)
	if _, err := answer.Decode(chunk[shortHeader:]); err != nil {
		return fmt.Errorf("what the server takes can't be read: %w", err)
	}
	if answer.ReceiveBufSize < minChunk {
		return fmt.Errorf("the server takes chunks of %d bytes: expected %d or more", answer.ReceiveBufSize, minChunk)
	}
	c.limits = limits{chunk: int(min(answer.ReceiveBufSize, maxChunk)), message: int(answer.MaxMessageSize),
		chunks: int(answer.MaxChunkCount)}
	return c.conn.SetDeadline(time.Time{})
}

// header is what a chunk begins with.
func header(kind string, part byte, size int) []byte {
	return binary.LittleEndian.AppendUint32(append([]byte(kind), part), uint32(size))
}

// readChunk reads one, with its type. An error message of the server's is an error.
func readChunk(r io.Reader) (kind string, chunk []byte, err error) {
	var head [shortHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", nil, err
	}
	kind = string(head[:3])
	size := binary.LittleEndian.Uint32(head[4:])
	if size < shortHeader || size > maxChunk {
		return "", nil, fmt.Errorf("the server has sent a chunk (%q) of %d bytes: expected %d to %d", kind, size, shortHeader, maxChunk)
	}
	chunk = make([]byte, size)
	copy(chunk, head[:])
	if _, err := io.ReadFull(r, chunk[shortHeader:]); err != nil {
		return "", nil, err
	}
	if kind != typeError {
		return kind, chunk, nil
	}
	said := new(uacp.Error)
	if _, err := said.Decode(chunk[shortHeader:]); err != nil {
		return "", nil, fmt.Errorf("an error of the server's can't be read: %w", err)
	}
	return "", nil, fmt.Errorf("%w (%.200s)", ua.StatusCode(said.ErrorCode), said.Reason)
}

// assembly is what the goroutine that reads knows.
type assembly struct {
	current, previous *keys             // those that the server may protect messages with
	parts             map[uint32][]byte // of messages that aren't complete, by the number of the request
	count             map[uint32]int    // of their chunks
	held              int               // bytes in parts
	number            uint32            // of the last chunk
	begun             bool              // there was one
}

// receive reads until the connection ends, and hands out what comes.
func (c *Channel) receive() {
	r := bufio.NewReaderSize(c.conn, maxChunk)
	for {
		kind, chunk, err := readChunk(r)
		if err == nil {
			err = c.arrived(kind, chunk)
		}
		if err != nil {
			c.fail(ended(err))
			return
		}
	}
}

// arrived takes in a chunk. An error ends the channel.
func (c *Channel) arrived(kind string, chunk []byte) error {
	if kind == typeClose {
		return io.EOF
	}
	body, err := c.open(kind, chunk)
	if err != nil {
		return err
	}
	if len(body) < sequenceHeader {
		return fmt.Errorf("the server has sent a chunk with %d bytes in it", len(body))
	}
	if err := c.inOrder(binary.LittleEndian.Uint32(body)); err != nil {
		return err
	}
	request := binary.LittleEndian.Uint32(body[4:])
	body, complete, err := c.assemble(request, chunk[3], body[sequenceHeader:])
	if err != nil || !complete {
		return err
	}
	o := outcome{body: body}
	switch {
	case chunk[3] == 'A':
		o = outcome{err: aborted(body)}
	case kind == typeOpen:
		o.err = c.opened(body)
	}
	c.deliver(request, o)
	return nil
}

// open takes the protection off a chunk.
func (c *Channel) open(kind string, chunk []byte) ([]byte, error) {
	if len(chunk) < longHeader+4 {
		return nil, fmt.Errorf("the server has sent a chunk (%q) of %d bytes", kind, len(chunk))
	}
	switch kind {
	case typeOpen:
		h := new(uasc.AsymmetricSecurityHeader)
		n, err := h.Decode(chunk[longHeader:])
		if err != nil {
			return nil, fmt.Errorf("the head of a message of the server's can't be read: %w", err)
		}
		if err := c.same(h.SecurityPolicyURI, h.SenderCertificate); err != nil {
			return nil, err
		}
		secured := c.cfg.Mode != ua.MessageSecurityModeNone
		return unseal(c.issuer, chunk, longHeader+n, secured, secured)
	case typeMessage:
		channel, token := binary.LittleEndian.Uint32(chunk[shortHeader:]), binary.LittleEndian.Uint32(chunk[longHeader:])
		for _, k := range []*keys{c.current, c.previous} {
			if k != nil && k.channel == channel && k.token == token {
				return unseal(k.algorithm, chunk, longHeader+4, c.cfg.Mode != ua.MessageSecurityModeNone, c.encrypted())
			}
		}
		return nil, fmt.Errorf("the server has used keys (%d of channel %d) that it hasn't made, or that are old", token, channel)
	}
	return nil, fmt.Errorf("the server has sent a chunk of type %q", kind)
}

func (c *Channel) encrypted() bool { return c.cfg.Mode == ua.MessageSecurityModeSignAndEncrypt }

// wrapFrom and wrapTo are where the numbers of chunks may begin anew, and how far (part 6, 6.7.2.4).
const wrapFrom, wrapTo = 1<<32 - 1 - 1024, 1024

// inOrder reports that a chunk is missing, or has come twice.
func (c *Channel) inOrder(number uint32) error {
	last := c.number
	if !c.begun || number == last+1 || last >= wrapFrom && number < wrapTo {
		c.number, c.begun = number, true
		return nil
	}
	return fmt.Errorf("the server has sent chunk %d after chunk %d", number, last)
}

// assemble puts the chunks of a message together. Those of an answer that nobody waits for are dropped.
func (c *Channel) assemble(request uint32, part byte, body []byte) (message []byte, complete bool, err error) {
	before := c.parts[request]
	switch part {
	case 'C', 'F', 'A':
	default:
		return nil, false, fmt.Errorf("the server has sent a part of a message of type %q", part)
	}
	if !c.expected(request) || part == 'A' {
		c.drop(request)
		return body, part == 'A', nil
	}
	if part == 'F' && before == nil {
		return body, true, nil
	}
	if c.count[request]++; c.count[request] > maxChunks || c.held+len(body) > maxMessage {
		return nil, false, fmt.Errorf("the server has sent a message of more than %d chunks, or %d bytes", maxChunks, maxMessage)
	}
	c.held += len(body)
	c.parts[request] = append(before, body...)
	if part == 'C' {
		return nil, false, nil
	}
	message = c.parts[request]
	c.drop(request)
	return message, true, nil
}

// drop forgets the chunks of a message.
func (c *Channel) drop(request uint32) {
	c.held -= len(c.parts[request])
	delete(c.parts, request)
	delete(c.count, request)
}

// aborted is the error for which a message was not sent to its end.
func aborted(body []byte) error {
	said := new(uasc.MessageAbort)
	if _, err := said.Decode(body); err != nil {
		return fmt.Errorf("an error of the server's can't be read: %w", err)
	}
	return fmt.Errorf("%w (%.200s)", ua.StatusCode(said.ErrorCode), said.Reason)
}

// send sends a message, in as many chunks as it takes.
func (c *Channel) send(kind string, request uint32, body []byte, timeout time.Duration) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	s, err := c.sealer(kind)
	if err != nil {
		return err
	}
	room := s.room(c.limits.chunk)
	if n := (len(body) + room - 1) / room; kind == typeOpen && n > 1 || c.limits.chunks > 0 && n > c.limits.chunks ||
		c.limits.message > 0 && len(body) > c.limits.message {
		return ua.StatusBadRequestTooLarge
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(timeout)) // writing finds out
	for first := true; first || len(body) > 0; first = false {
		n := min(room, len(body))
		part := byte('F')
		if n < len(body) {
			part = 'C'
		}
		chunk, err := s.seal(part, c.next(), request, body[:n])
		if err != nil {
			return err
		}
		if _, err := c.conn.Write(chunk); err != nil {
			c.torn(err)
			return c.reason()
		}
		body = body[n:]
	}
	return nil
}

// next is the number of the next chunk.
func (c *Channel) next() uint32 {
	if c.sequence++; c.sequence > wrapFrom {
		c.sequence = 1
	}
	return c.sequence
}

// sealer protects the chunks of a message.
type sealer struct {
	head             []byte // without type of chunk and size
	algorithm        *uapolicy.EncryptionAlgorithm
	signed, ciphered bool
}

func (c *Channel) sealer(kind string) (*sealer, error) {
	k := c.sending.Load()
	s := &sealer{signed: c.cfg.Mode != ua.MessageSecurityModeNone, ciphered: c.encrypted()}
	s.head = header(kind, 0, 0)
	channel := uint32(0)
	if k != nil {
		channel = k.channel
	}
	s.head = binary.LittleEndian.AppendUint32(s.head, channel)
	if kind != typeOpen {
		if k == nil {
			return nil, errors.New("the channel isn't open")
		}
		s.algorithm, s.head = k.algorithm, binary.LittleEndian.AppendUint32(s.head, k.token)
		return s, nil
	}
	h := uasc.NewAsymmetricSecurityHeader(c.cfg.Policy, nil, nil)
	if s.signed {
		h.SenderCertificate, h.ReceiverCertificateThumbprint = c.cfg.Certificate, uapolicy.Thumbprint(c.cfg.RemoteCertificate)
	}
	b, err := h.Encode()
	s.algorithm, s.ciphered, s.head = c.issuer, s.signed, append(s.head, b...)
	return s, err
}
