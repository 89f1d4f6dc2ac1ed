package smoochnats

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/smooch/smooch-go"
)

// DeduperConfig says how a [smooch.Deduper] keeps its claims. A zero field has its default.
type DeduperConfig struct {
	// Bucket is the name of the key-value bucket. The default is "smooch-claims".
	Bucket string

	// Replicas is on how many servers each claim is stored: 1, 3 or 5. The default is 1.
	Replicas int

	// Keep is for how long it is remembered that an event has been handled. Copies come within 15
	// minutes, but wait in a queue while all of its workers are away: after more than Keep, one may be
	// handled again. The default is 24 hours, the minimum 15 minutes.
	Keep time.Duration
}

// NewDeduper returns a [smooch.Deduper] on a JetStream key-value bucket, which it makes, or changes
// as the configuration says. Any number of processes can share it. It waits up to 30 seconds for
// the servers.
//
// A claim is compared and set by its revision, which is the token, and ends by a TTL of its own, so
// clocks do not matter. Leases are rounded up to whole seconds. Reads go to the leader. A key is
// stored as its hash, and takes about 160 bytes on disk and 350 of the server's memory.
func NewDeduper(ctx context.Context, js jetstream.JetStream, config DeduperConfig) (smooch.Deduper, error) {
	config.Bucket = cmp.Or(config.Bucket, "smooch-claims")
	config.Replicas = cmp.Or(config.Replicas, 1)
	config.Keep = cmp.Or(config.Keep, 24*time.Hour)
	switch {
	case strings.ContainsAny(config.Bucket, " \t\r\n.*>/\\"):
		return nil, fmt.Errorf("smoochnats: DeduperConfig: Bucket contains a space or one of .*>/\\: %w", smooch.ErrInvalidArgument)
	case config.Keep < 15*time.Minute:
		return nil, fmt.Errorf("smoochnats: DeduperConfig: Keep is shorter than the 15 minutes for which deliveries are repeated: %w", smooch.ErrInvalidArgument)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	d := &deduper{js: js, prefix: "$KV." + config.Bucket + ".", keep: config.Keep}
	err := try(ctx, func(ctx context.Context) (err error) {
		// The keys of the bucket vanish without a marker, which a claim would have to overwrite. Without
		// AllowDirect, they are read from the leader: a follower may not know a claim yet.
		d.stream, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: "KV_" + config.Bucket, Description: "Claims of the events of Smooch", Subjects: []string{d.prefix + ">"},
			MaxMsgsPerSubject: 1, Replicas: config.Replicas, Discard: jetstream.DiscardNew, AllowMsgTTL: true, AllowRollup: true,
		})
		return err
	})
	if err != nil {
		return nil, failed("NewDeduper", explained(js, err))
	}
	return d, nil
}

// A deduper keeps a record for each key.
type deduper struct {
	js     jetstream.JetStream
	stream jetstream.Stream
	prefix string // of the subjects
	keep   time.Duration
}

// A record is the value of a key. Its token is empty until the record is written for the second
// time: it is its own revision.
type record struct {
	state    smooch.ClaimState // ClaimBusy or ClaimDone
	token    string
	nonce    string // of the call that has written it
	revision uint64
}

var stateNames = map[smooch.ClaimState]string{smooch.ClaimBusy: "busy", smooch.ClaimDone: "done"}

func (d *deduper) Claim(ctx context.Context, key string, lease time.Duration) (smooch.Claim, error) {
	nonce := rand.Text()
	for ctx.Err() == nil {
		revision, err := d.write(ctx, key, record{state: smooch.ClaimBusy, nonce: nonce}, lease)
		if err == nil {
			return smooch.Claim{State: smooch.ClaimWon, Token: strconv.FormatUint(revision, 10)}, nil
		}
		if !isConflict(err) {
			return smooch.Claim{}, failed("Claim", err)
		}
		r, err := d.read(ctx, key)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound): // it has ended meanwhile
		case err != nil:
			return smooch.Claim{}, failed("Claim", err)
		case r.nonce == nonce: // the answer to the first try was lost
			return smooch.Claim{State: smooch.ClaimWon, Token: r.token}, nil
		default:
			return smooch.Claim{State: r.state}, nil
		}
	}
	return smooch.Claim{}, failed("Claim", context.Cause(ctx))
}

func (d *deduper) Extend(ctx context.Context, key, token string, lease time.Duration) error {
	return failed("Extend", d.update(ctx, key, token, func(revision uint64) error {
		_, err := d.write(ctx, key, record{state: smooch.ClaimBusy, token: token, revision: revision}, lease)
		return err
	}, func(r record) (done bool, err error) {
		if r.state == smooch.ClaimDone {
			err = smooch.ErrClaimLost
		}
		return false, err
	}))
}

func (d *deduper) Done(ctx context.Context, key, token string) error {
	return failed("Done", d.update(ctx, key, token, func(revision uint64) error {
		_, err := d.write(ctx, key, record{state: smooch.ClaimDone, token: token, revision: revision}, d.keep)
		return err
	}, func(r record) (done bool, err error) { return r.state == smooch.ClaimDone, nil }))
}

func (d *deduper) Release(ctx context.Context, key, token string) (err error) {
	tries := 0 // to remove the record
	for range contention {
		var r record
		r, err = d.find(ctx, key, token) // the token may be of another key
		if tries > 1 && errors.Is(err, smooch.ErrClaimLost) {
			return nil // the first try has removed it, and its answer was lost
		}
		if err != nil {
			break
		}
		tries = 0
		err = try(ctx, func(ctx context.Context) error {
			tries++
			return d.stream.DeleteMsg(ctx, r.revision)
		})
		if !isConflict(err) {
			break
		}
	}
	return failed("Release", err)
}

// contention is how often a method begins anew: calls with one token at the same time make each
// other fail.
const contention = 10

// update calls change for the revision of the claim with the token. That is the token itself,
// unless the claim has been extended: then change fails, and is called again for the revision that
// is read. look says whether there is anything to change.
func (d *deduper) update(ctx context.Context, key, token string, change func(revision uint64) error, look func(record) (done bool, err error)) error {
	revision, err := strconv.ParseUint(token, 10, 64)
	if err != nil || revision == 0 {
		return smooch.ErrClaimLost
	}
	for range contention {
		if err = change(revision); !isConflict(err) {
			return err
		}
		r, err := d.find(ctx, key, token)
		if err != nil {
			return err
		}
		if done, err := look(r); done || err != nil {
			return err
		}
		revision = r.revision
	}
	return err
}

// find reads the record of a key, which must have the token.
func (d *deduper) find(ctx context.Context, key, token string) (record, error) {
	r, err := d.read(ctx, key)
	if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && r.token != token {
		return r, smooch.ErrClaimLost
	}
	return r, err
}

// write writes a record in place of the one with its revision, and returns the new revision.
func (d *deduper) write(ctx context.Context, key string, r record, ttl time.Duration) (revision uint64, err error) {
	m := nats.NewMsg(d.prefix + hash(key))
	m.Data = []byte(stateNames[r.state] + " " + r.token + " " + r.nonce)
	ttl = (ttl + time.Second - 1).Truncate(time.Second)
	err = try(ctx, func(ctx context.Context) error {
		ack, err := d.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(r.revision), jetstream.WithMsgTTL(ttl))
		if err == nil {
			revision = ack.Sequence
		}
		return err
	})
	return revision, err
}

// read reads the record of a key.
func (d *deduper) read(ctx context.Context, key string) (r record, err error) {
	var m *jetstream.RawStreamMsg
	if err := try(ctx, func(ctx context.Context) (err error) {
		m, err = d.stream.GetLastMsgForSubject(ctx, d.prefix+hash(key))
		return err
	}); err != nil {
		return r, err
	}
	parts := strings.Split(string(m.Data), " ")
	if len(parts) != 3 {
		return r, errors.New("the record of a key cannot be read")
	}
	r = record{state: smooch.ClaimBusy, token: cmp.Or(parts[1], strconv.FormatUint(m.Sequence, 10)), nonce: parts[2], revision: m.Sequence}
	if parts[0] == stateNames[smooch.ClaimDone] {
		r.state = smooch.ClaimDone
	}
	return r, nil
}

// isConflict reports whether a record has another revision than expected, or is gone.
func isConflict(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) || // without the error of the API
		ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// failed says which method has failed. The text of the error has no key.
func failed(method string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("smoochnats: %s: %w", method, err)
}
