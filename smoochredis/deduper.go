package smoochredis

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/smooch/smooch-go"
)

// Deduper is a [smooch.Deduper] that several processes share, for [smooch.WithDeduper]. It is safe
// for concurrent use.
//
// Each key is one key of Redis, which holds the token of its claim and expires with its lease. If
// Redis cannot be reached or does not answer within 2 seconds, the methods return an error: the
// receiver answers the delivery with 503, and the event comes again.
//
// Redis acknowledges a write before it is on a disk or a replica. A claim or a record that it loses
// in a crash or a failover is forgotten: a copy of the event that comes later is handled again.
// maxmemory-policy should be noeviction, or Redis may forget records when its memory is full.
type Deduper struct {
	redis  store
	prefix string
	keep   time.Duration
}

var _ smooch.Deduper = (*Deduper)(nil)

// leastKeep is longer than the service repeats deliveries.
const leastKeep = 20 * time.Minute

// NewDeduper returns a deduper whose keys in Redis begin with name and a colon. All processes that
// work on the same events for the same purpose use one name; others need another, as each event is
// handled once for each name.
//
// keep is how long it is remembered that an event has been handled, 20 minutes at least. An event
// takes about 250 bytes of Redis's memory for that long. With a [smooch.Queue], keep has to be
// longer than events stay in the queue.
func NewDeduper(client redis.UniversalClient, name string, keep time.Duration) *Deduper {
	return &Deduper{newStore(client), name + ":", max(keep, leastKeep)}
}

// The value of a key is "claimed " or "handled " and the token. Each script has the key in KEYS and
// the token in ARGV[1], and may be run again by go-redis after a lost connection: the answer is
// that of the first run then, except for release.
var (
	claimScript = redis.NewScript(`
		local value = redis.call('GET', KEYS[1])
		if not value then
			redis.call('SET', KEYS[1], 'claimed ' .. ARGV[1], 'PX', ARGV[2])
			return 1
		end
		if value == 'claimed ' .. ARGV[1] then return 1 end
		if string.sub(value, 1, 8) == 'handled ' then return 3 end
		return 2`)
	extendScript = redis.NewScript(`
		if redis.call('GET', KEYS[1]) ~= 'claimed ' .. ARGV[1] then return 0 end
		return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)
	doneScript = redis.NewScript(`
		local value = redis.call('GET', KEYS[1])
		if value == 'claimed ' .. ARGV[1] then
			redis.call('SET', KEYS[1], 'handled ' .. ARGV[1], 'PX', ARGV[2])
			return 1
		end
		return value == 'handled ' .. ARGV[1] and 1 or 0`)
	releaseScript = redis.NewScript(`
		local value = redis.call('GET', KEYS[1])
		if value ~= 'claimed ' .. ARGV[1] and value ~= 'handled ' .. ARGV[1] then return 0 end
		return redis.call('DEL', KEYS[1])`)
)

// Claim implements [smooch.Deduper].
func (d *Deduper) Claim(ctx context.Context, key string, lease time.Duration) (smooch.Claim, error) {
	token := rand.Text()
	state, err := d.run(ctx, "claim", claimScript, key, token, milliseconds(lease))
	switch {
	case err != nil:
		return smooch.Claim{}, err
	case smooch.ClaimState(state) == smooch.ClaimWon:
		return smooch.Claim{State: smooch.ClaimWon, Token: token}, nil
	}
	return smooch.Claim{State: smooch.ClaimState(state)}, nil
}

// Extend implements [smooch.Deduper].
func (d *Deduper) Extend(ctx context.Context, key, token string, lease time.Duration) error {
	return d.change(ctx, "extend", extendScript, key, token, milliseconds(lease))
}

// Done implements [smooch.Deduper].
func (d *Deduper) Done(ctx context.Context, key, token string) error {
	return d.change(ctx, "done", doneScript, key, token, milliseconds(d.keep))
}

// Release implements [smooch.Deduper].
func (d *Deduper) Release(ctx context.Context, key, token string) error {
	return d.change(ctx, "release", releaseScript, key, token)
}

// change runs a script that answers with 0 if the token does not hold.
func (d *Deduper) change(ctx context.Context, name string, script *redis.Script, key string, args ...any) error {
	changed, err := d.run(ctx, name, script, key, args...)
	if err == nil && changed == 0 {
		return smooch.ErrClaimLost
	}
	return err
}

func (d *Deduper) run(ctx context.Context, name string, script *redis.Script, key string, args ...any) (int64, error) {
	value, err := d.redis.run(ctx, script, []string{d.prefix + key}, args...).wait(ctx)
	if err != nil {
		return 0, fmt.Errorf("smoochredis: %s: %w", name, err)
	}
	return value, nil
}

// milliseconds rounds up.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
