package smooch

import (
	"io"
	"os"
	"strings"
	"time"
)

// isCompressed reports whether a value of the header Content-Encoding names a coding that changes
// the body.
func isCompressed(encodings string) bool {
	for encoding := range strings.SplitSeq(encodings, ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			return true
		}
	}
	return false
}

// readUntil is readUpTo until a deadline, for a connection that has no deadline of its own. It
// reads on a goroutine, which it leaves behind if the time is up.
func readUntil(deadline time.Time, body io.Reader, size, limit int64) ([]byte, error) {
	type result struct {
		content []byte
		err     error
	}
	read := make(chan result, 1)
	go func() {
		var r result
		defer func() { read <- r }()
		defer recoverTo(&r.err) // as net/http would, if this were its goroutine
		r.content, r.err = readUpTo(body, size, limit)
	}()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case r := <-read:
		return r.content, r.err
	case <-timer.C:
		return nil, os.ErrDeadlineExceeded
	}
}
