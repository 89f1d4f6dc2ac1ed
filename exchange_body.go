package smooch

import (
	"io"
	"slices"
	"sync"
)

// bufferSize is the size of the buffers that bodies are read into one after another: that of a long
// page. A buffer for each page would be a quarter of what a page allocates.
const bufferSize = 64 << 10

// buffers holds buffers that are not in use. They are cleared, as what users wrote must not stay in
// memory, and a result shares nothing with the body that it was decoded from.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// worthBuffer reports whether a body of size bytes is to be read into such a buffer. -1: unknown.
func worthBuffer(size int64) bool { return size < 0 || size > bufferSize/8 && size < bufferSize }

// readUpTo reads until r ends, or one byte more than limit. size is the number of bytes that are
// expected; -1: unknown.
func readUpTo(r io.Reader, size, limit int64) ([]byte, error) {
	const most = 1 << 20 // bytes to allocate at first, as size may be wrong
	return readInto(make([]byte, 0, min(max(size+1, 512), limit+1, most)), r, limit)
}

// readInto is readUpTo with a buffer, which is empty. What exceeds its capacity is read in parts,
// which are joined at the end, as a buffer that grows takes more memory.
func readInto(part []byte, r io.Reader, limit int64) ([]byte, error) {
	const most = 4 << 20 // bytes of a part
	var parts [][]byte
	left := limit + 1
	for {
		n, err := r.Read(part[len(part):cap(part)])
		part = part[:len(part)+n]
		full := len(part) == cap(part)
		if full {
			left -= int64(len(part))
		}
		switch {
		case err == nil && !full:
			continue
		case err == nil && left > 0:
			parts = append(parts, part)
			part = make([]byte, 0, min(2*int64(len(part)), left, most))
			continue
		case err == io.EOF:
			err = nil
		}
		if parts != nil {
			part = slices.Concat(append(parts, part)...)
		}
		return part, err
	}
}
