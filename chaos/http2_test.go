package chaos

import (
	"encoding/binary"
	"io"
	"strings"
)

// The types, flags and settings of frames that are used here (RFC 9113, section 6).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	framePushPromise  = 0x5
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4

	settingMaxStreams    = 0x3
	settingInitialWindow = 0x4
)

// An http2Server answers requests of HTTP/2, frame by frame.
type http2Server struct {
	settings string                      // of the server
	greet    func(*visit)                // called after the settings were sent
	begin    func(v *visit, id uint32)   // called when the header of a request has come
	end      func(v *visit, id uint32)   // called when a whole request has come
	keep     bool                        // the windows of the client are not opened again
	bodies   map[uint32]*strings.Builder // what has come of requests
}

// serve serves one connection.
func (s http2Server) serve(v *visit) {
	preface := make([]byte, 24)
	if _, err := io.ReadFull(v.r, preface); err != nil || !v.frame(frameSettings, 0, 0, s.settings) {
		return
	}
	if s.greet != nil {
		s.greet(v)
	}
	s.bodies = map[uint32]*strings.Builder{}
	for {
		kind, flags, id, payload, err := v.nextFrame()
		if err != nil {
			return
		}
		switch {
		case kind == frameSettings && flags&flagAck == 0:
			v.frame(frameSettings, flagAck, 0, "")
		case kind == framePing && flags&flagAck == 0:
			v.frame(framePing, flagAck, 0, payload)
		case kind == frameHeaders:
			s.bodies[id] = &strings.Builder{}
			if s.begin != nil {
				s.begin(v, id)
			}
		case kind == frameData && s.bodies[id] != nil:
			s.bodies[id].WriteString(payload)
			if len(payload) > 0 && !s.keep {
				v.frame(frameWindowUpdate, 0, 0, uint32Text(uint32(len(payload))))
				v.frame(frameWindowUpdate, 0, id, uint32Text(uint32(len(payload))))
			}
		}
		if (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0 && s.end != nil {
			v.sent = s.bodies[id].String()
			s.end(v, id)
		}
	}
}

// frame sends a frame, and reports whether that was possible.
func (v *visit) frame(kind, flags byte, id uint32, payload string) bool {
	length := len(payload)
	return v.send(string([]byte{byte(length >> 16), byte(length >> 8), byte(length), kind, flags}) + uint32Text(id) + payload)
}

func (v *visit) nextFrame() (kind, flags byte, id uint32, payload string, err error) {
	var head [9]byte
	if _, err := io.ReadFull(v.r, head[:]); err != nil {
		return 0, 0, 0, "", err
	}
	data := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err = io.ReadFull(v.r, data)
	return head[3], head[4], binary.BigEndian.Uint32(head[5:]), string(data), err
}

func uint32Text(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// setting encodes a setting.
func setting(id uint16, value uint32) string {
	return string(binary.BigEndian.AppendUint16(nil, id)) + uint32Text(value)
}

// fields encodes names and values as a header block, without compression.
func fields(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteByte(0)
		b.WriteString(hpackString(pairs[i]) + hpackString(pairs[i+1]))
	}
	return b.String()
}

// hpackString encodes a string literal (RFC 7541, section 5.2).
func hpackString(text string) string {
	n := len(text)
	if n < 127 {
		return string([]byte{byte(n)}) + text
	}
	head := []byte{127}
	for n -= 127; n >= 128; n >>= 7 {
		head = append(head, byte(n)|0x80)
	}
	return string(append(head, byte(n))) + text
}

// respond sends a response on a stream, in as many frames as it takes.
func (v *visit) respond(id uint32, status, body string) {
	v.frame(frameHeaders, flagEndHeaders, id, fields(":status", status, "content-type", "application/json"))
	v.frame(frameData, flagEndStream, id, body)
}

// wanted returns the body that the request on a stream should be answered with.
func (v *visit) wanted() string {
	switch {
	case strings.HasPrefix(v.sent, "--"):
		return `{"mediaUrl":"https://media.test/1"}`
	case v.sent != "":
		return `{"message":{"_id":"m1","type":"text","role":"appMaker","text":"hi"},"conversation":{"_id":"c1"}}`
	}
	return `{"appUser":{"_id":"u1","givenName":"Ida"}}`
}
