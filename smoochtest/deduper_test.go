package smoochtest

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/smooch/smooch-go"
)

// TestMemoryDeduperConforms, whether each check has a store of its own or all use one.
func TestMemoryDeduperConforms(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"own stores": true, "one store": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				shared := smooch.NewMemoryDeduper(10_000)
				TestDeduper(t, func() smooch.Deduper {
					if own {
						return smooch.NewMemoryDeduper(5_000)
					}
					return shared
				})
			})
		})
	}
}

// faultyDeduper is a correct deduper but for its faults.
type faultyDeduper struct {
	mu        sync.Mutex
	claims    int
	keys      map[string]faultyRecord
	anyToken  bool // any token is that of the claim
	noExpiry  bool // a claim does not end with its lease
	noState   bool // Claim returns the state zero
	oneToken  bool // all claims have the same token
	noRecord  bool // Done is a Release
	noExtend  bool // Extend does nothing
	forgets   bool // a record ends with the lease of its claim
	revives   bool // Extend after Done or Release claims again
	folds     bool // keys that differ in case are the same
	cuts      bool // only the first 100 bytes of a key count
	lateDone  bool // Done succeeds after the lease while nobody else has claimed
	quiet     bool // a lost claim is not an error
	early     time.Duration
	late      time.Duration
	gap       time.Duration // between reading and writing of Claim, in which others do the same
	doneGap   time.Duration // the same of Done
	extendGap time.Duration // the same of Extend
}

type faultyRecord struct {
	token string
	done  bool
	until time.Time
}

func (d *faultyDeduper) lock(key string) string {
	d.mu.Lock()
	if d.folds {
		key = strings.ToLower(key)
	}
	if d.cuts {
		key = key[:min(len(key), 100)]
	}
	return key
}

// pause lets others go on for a while.
func (d *faultyDeduper) pause(gap time.Duration) {
	if gap > 0 {
		d.mu.Unlock()
		time.Sleep(gap)
		d.mu.Lock()
	}
}

func (d *faultyDeduper) Claim(_ context.Context, key string, lease time.Duration) (smooch.Claim, error) {
	key = d.lock(key)
	defer d.mu.Unlock()
	now := time.Now()
	record, known := d.keys[key]
	if d.forgets && now.After(record.until) {
		known = false
	}
	switch {
	case known && record.done:
		return smooch.Claim{State: smooch.ClaimDone}, nil
	case known && (d.noExpiry || now.Before(record.until)):
		return smooch.Claim{State: smooch.ClaimBusy}, nil
	}
	d.pause(d.gap)
	if d.claims++; d.oneToken {
		d.claims = 1
	}
	record = faultyRecord{token: strconv.Itoa(d.claims), until: now.Add(lease - d.early + d.late)}
	d.keys[key] = record
	if d.noState {
		return smooch.Claim{Token: record.token}, nil
	}
	return smooch.Claim{State: smooch.ClaimWon, Token: record.token}, nil
}

// holds reports whether a call with a token may go on.
func (d *faultyDeduper) holds(key, token string, late bool) (faultyRecord, bool) {
	record, known := d.keys[key]
	return record, d.anyToken || known && record.token == token && (late || record.done || d.noExpiry || time.Now().Before(record.until))
}

func (d *faultyDeduper) lost() error {
	if d.quiet {
		return nil
	}
	return smooch.ErrClaimLost
}

func (d *faultyDeduper) Extend(_ context.Context, key, token string, lease time.Duration) error {
	key = d.lock(key)
	defer d.mu.Unlock()
	record, holds := d.holds(key, token, false)
	if !d.revives && (!holds || record.done) {
		return d.lost()
	}
	d.pause(d.extendGap)
	if !d.noExtend {
		d.keys[key] = faultyRecord{token: token, until: time.Now().Add(lease)}
	}
	return nil
}

func (d *faultyDeduper) Done(_ context.Context, key, token string) error {
	key = d.lock(key)
	defer d.mu.Unlock()
	record, holds := d.holds(key, token, d.lateDone)
	if !holds {
		return d.lost()
	}
	if d.noRecord {
		delete(d.keys, key)
		return nil
	}
	d.pause(d.doneGap)
	d.keys[key] = faultyRecord{token: token, done: true, until: record.until}
	return nil
}

func (d *faultyDeduper) Release(_ context.Context, key, token string) error {
	key = d.lock(key)
	defer d.mu.Unlock()
	if _, holds := d.holds(key, token, false); !holds {
		return d.lost()
	}
	delete(d.keys, key)
	return nil
}

// TestTestDeduper: each fault is found.
func TestTestDeduper(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		faulty func() *faultyDeduper
		found  string // by this check, at least; "": nothing is found
	}{
		{"none", func() *faultyDeduper { return &faultyDeduper{} }, ""},
		{"a second late", func() *faultyDeduper { return &faultyDeduper{late: time.Second} }, ""},
		{"tokens are ignored", func() *faultyDeduper { return &faultyDeduper{anyToken: true} }, "wrong token"},
		{"lost claims are no error", func() *faultyDeduper { return &faultyDeduper{quiet: true} }, "released claim"},
		{"all have one token", func() *faultyDeduper { return &faultyDeduper{oneToken: true} }, "released claim"},
		{"no state", func() *faultyDeduper { return &faultyDeduper{noState: true} }, "states"},
		{"claims never end", func() *faultyDeduper { return &faultyDeduper{noExpiry: true} }, "lease"},
		{"claims end early", func() *faultyDeduper { return &faultyDeduper{early: 100 * time.Millisecond} }, "lease"},
		{"claims end late", func() *faultyDeduper { return &faultyDeduper{late: 3 * time.Second} }, "lease"},
		{"expired tokens hold", func() *faultyDeduper { return &faultyDeduper{lateDone: true} }, "expired token"},
		{"nothing is recorded", func() *faultyDeduper { return &faultyDeduper{noRecord: true} }, "states"},
		{"records are forgotten", func() *faultyDeduper { return &faultyDeduper{forgets: true} }, "done"},
		{"nothing is extended", func() *faultyDeduper { return &faultyDeduper{noExtend: true} }, "extended lease"},
		{"extension revives", func() *faultyDeduper { return &faultyDeduper{revives: true} }, "done"},
		{"extension is not atomic", func() *faultyDeduper { return &faultyDeduper{extendGap: time.Millisecond} }, "extension at once"},
		{"case is folded", func() *faultyDeduper { return &faultyDeduper{folds: true} }, "keys"},
		{"keys are cut", func() *faultyDeduper { return &faultyDeduper{cuts: true} }, "keys"},
		{"claims are not atomic", func() *faultyDeduper { return &faultyDeduper{gap: time.Millisecond} }, "claims at once"},
		{"takeovers are not atomic", func() *faultyDeduper { return &faultyDeduper{gap: time.Millisecond} }, "takeover at once"},
		{"done is not atomic", func() *faultyDeduper { return &faultyDeduper{doneGap: 50 * time.Millisecond} }, "done or taken"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				failures := checkDeduper(t.Context(), func() smooch.Deduper {
					d := test.faulty()
					d.keys = map[string]faultyRecord{}
					return d
				})
				if test.found == "" {
					assert.Empty(t, failures)
				} else {
					assert.Contains(t, "\n"+strings.Join(failures, "\n"), "\n"+test.found+": ")
				}
			})
		})
	}
}

// slowDeduper takes some time for each call.
type slowDeduper struct {
	smooch.Deduper
	takes time.Duration
}

func (d slowDeduper) Claim(ctx context.Context, key string, lease time.Duration) (smooch.Claim, error) {
	defer time.Sleep(d.takes)
	return d.Deduper.Claim(ctx, key, lease)
}

func (d slowDeduper) Extend(ctx context.Context, key, token string, lease time.Duration) error {
	time.Sleep(d.takes)
	return d.Deduper.Extend(ctx, key, token, lease)
}

func (d slowDeduper) Done(ctx context.Context, key, token string) error {
	time.Sleep(d.takes)
	return d.Deduper.Done(ctx, key, token)
}

// TestSlowDeduper: a store or a machine that is slow for some seconds is no fault, but its faults
// are found. One that takes longer than every lease does not pass.
func TestSlowDeduper(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		slow  slowDeduper
		found string
	}{
		"slow":            {slowDeduper{smooch.NewMemoryDeduper(10_000), 600 * time.Millisecond}, ""},
		"slow and faulty": {slowDeduper{&faultyDeduper{keys: map[string]faultyRecord{}, forgets: true}, 600 * time.Millisecond}, "done: Claim after Done and the end of the lease"},
		"too slow":        {slowDeduper{smooch.NewMemoryDeduper(10_000), 20 * time.Second}, "done: Done: smooch: the claim is lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				failures := strings.Join(checkDeduper(t.Context(), func() smooch.Deduper { return test.slow }), "\n")
				if test.found == "" {
					assert.Empty(t, failures)
				} else {
					assert.Contains(t, failures, test.found)
				}
			})
		})
	}
}
