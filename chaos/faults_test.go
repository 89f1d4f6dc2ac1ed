package chaos

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A fault is a way in which the service fails a request, or misleads its client.
type fault int

const (
	noFault fault = iota

	// Those of a request, of which pick returns one.
	refused        // no connection
	resetUnread    // the connection is reset before the request is read
	resetDone      // it is reset after the request has been carried out
	resetAnswering // it is reset in the middle of the answer
	failed         // 500, 502, 503 or 504, not carried out
	failedDone     // the same, but carried out
	limitedSeconds // 429 with Retry-After in seconds
	limitedDate    // 429 with Retry-After as a date
	limitedBare    // 429 without Retry-After
	stalled        // no answer until after the timeout, carried out or not
	truncated      // 2xx, but the body breaks off
	late           // fails as above, and is carried out 50 to 300 ms later

	// Those of a user, who keeps them.
	wrongDate // the header Date is 10 s ahead or behind
	lagging   // messages appear in the history up to 2 s late

	faultCount
)

func (f fault) String() string {
	return [...]string{
		"no fault", "connection refused", "reset before the request is read", "reset after it was carried out",
		"reset in the middle of the answer", "5xx, not carried out", "5xx, but carried out", "429 with seconds",
		"429 with a date", "429 without Retry-After", "no answer within the timeout", "2xx, but the body breaks off",
		"carried out 50 to 300 ms after the failure", "Date header 10 s off", "history lags up to 2 s",
	}[f]
}

const (
	stallTimeout = 500 * time.Millisecond // of the client
	stallTime    = 750 * time.Millisecond // of the service
)

// weights says how often each fault of a request is picked, in thousandths. Together they are 30 %.
// A client pauses after a 429, so that more of them would only make the run longer.
var weights = [faultCount]int{
	refused: 35, resetUnread: 35, resetDone: 35, resetAnswering: 35, failed: 35, failedDone: 35,
	limitedSeconds: 6, limitedDate: 7, limitedBare: 7, stalled: 20, truncated: 25, late: 25,
}

// pick picks the fault of a request, or noFault.
func pick(rng *rand.Rand) fault {
	n := rng.IntN(1000)
	for f, weight := range weights {
		if n < weight {
			return fault(f)
		}
		n -= weight
	}
	return noFault
}

// quirks are the faults of a user.
type quirks struct {
	date time.Duration // how far the Date header is ahead
	lag  time.Duration // how late messages appear in the history
}

func quirksOf(user string) quirks {
	rng := random("user", user)
	q := quirks{date: time.Duration(rng.IntN(3)-1) * 10 * time.Second}
	if rng.IntN(2) == 0 {
		q.lag = time.Duration(rng.IntN(2000)) * time.Millisecond
	}
	return q
}

// faults returns the set of the user's faults.
func (q quirks) faults() faultSet {
	var s faultSet
	if q.date != 0 {
		s.add(wrongDate)
	}
	if q.lag != 0 {
		s.add(lagging)
	}
	return s
}

type faultSet uint32

func (s *faultSet) add(f fault)     { *s |= 1 << f }
func (s faultSet) has(f fault) bool { return s&(1<<f) != 0 }

func hashOf(parts ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q", parts)
	return h.Sum64()
}

func TestPick(t *testing.T) {
	t.Parallel()
	const n = 100_000
	var picked [faultCount]int
	rng := rand.New(rand.NewPCG(1, 2))
	for range n {
		picked[pick(rng)]++
	}
	assert.InDelta(t, 0.7, float64(picked[noFault])/n, 0.01)
	for f, weight := range weights {
		if fault(f) != noFault {
			assert.InDelta(t, weight*n/1000, picked[f], n/200, fault(f))
		}
	}
}
