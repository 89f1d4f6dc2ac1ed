package smoochtest

import (
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// random makes the ids and secrets of a server. With a seed they depend on their order only.
type random struct {
	mu     sync.Mutex
	source *rand.ChaCha8
	seeded bool
	dated  int64 // dated ids so far
}

// restart begins anew.
func (r *random) restart(seed string) {
	key := sha256.Sum256([]byte(seed))
	if seed == "" {
		_, _ = cryptorand.Read(key[:]) // never fails
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.source, r.seeded, r.dated = rand.NewChaCha8(key), seed != "", 0
}

// save returns where a seeded random has come to, and resume goes on from there, so that no id is
// made twice. Without a seed they do nothing.
func (r *random) save() savedRandom {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seeded {
		return savedRandom{}
	}
	source, _ := r.source.MarshalBinary() // never fails
	return savedRandom{source, r.dated}
}

func (r *random) resume(saved savedRandom) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seeded || len(saved.Source) == 0 {
		return nil
	}
	r.dated = saved.Dated
	return r.source.UnmarshalBinary(saved.Source)
}

// id returns a random id.
func (r *random) id() string { return r.hex(24) }

// hex returns a random text of hexadecimal digits.
func (r *random) hex(length int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := make([]byte, length/2+1)
	_, _ = r.source.Read(b) // never fails
	return hex.EncodeToString(b)[:length]
}

// digits returns a random text of decimal digits that does not begin with 0.
func (r *random) digits(length int) string {
	return strings.Map(func(digit rune) rune {
		if digit >= 'a' {
			return digit - 'a' + '1'
		}
		return max(digit, '1')
	}, r.hex(length))
}

// uuid returns a random id in the form of those of notifications.
func (r *random) uuid() string {
	hex := r.hex(32)
	return hex[:8] + "-" + hex[8:12] + "-4" + hex[13:16] + "-a" + hex[17:20] + "-" + hex[20:]
}

// datedID returns an id that begins with the time in Unix seconds, as those of the service do. With
// a seed the time is made up, and later each time.
func (r *random) datedID(now time.Time) string {
	seconds := now.Unix()
	if r.seeded {
		r.mu.Lock()
		r.dated++
		seconds = 1577836800 + r.dated // from 2020 on
		r.mu.Unlock()
	}
	return fmt.Sprintf("%08x", seconds) + r.hex(16)
}
