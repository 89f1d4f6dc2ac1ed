package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochredis"
)

// settings are what a worker gets from the process that starts it.
type settings struct {
	Dir      string
	Redis    string // URL
	Service  service
	Rate     float64 // of all workers together, in requests per second
	Burst    int
	Workers  int
	InFlight int // messages that a worker sends at once
	Lease    time.Duration
}

// A service is where the messages go.
type service struct {
	URL       string // "" is Smooch itself
	AppID     string
	KeyID     string
	KeySecret string
}

func (s service) client(opts ...smooch.Option) (*smooch.Client, error) {
	if s.URL != "" {
		opts = append(opts, smooch.WithBaseURL(s.URL))
	}
	return smooch.NewClient(smooch.AppJWT(s.KeyID, s.KeySecret), append(opts, smooch.WithApp(s.AppID))...)
}

// exitStop is the exit code of a worker that has found that no message can be sent at all.
const exitStop = 3

// A worker claims chunks of the recipients and sends each of them its message.
type worker struct {
	settings
	campaign *campaign
	client   *smooch.Client
	deduper  *smoochredis.Deduper
}

// runWorker is the main function of a worker. It ends when all messages are sent, or when the
// process that has started it is gone.
func runWorker() error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	input := json.NewDecoder(os.Stdin)
	w := &worker{}
	if err := input.Decode(&w.settings); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel(errors.New("the campaign has ended"))
	}()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})))
	redis.SetLogger(quiet{})
	var err error
	if w.campaign, err = openCampaign(w.Dir, "", "", 0); err != nil {
		return err
	}
	options, err := redis.ParseURL(w.Redis)
	if err != nil {
		return err
	}
	store := redis.NewClient(options)
	defer store.Close()
	limiter := smoochredis.NewLimiter(store, w.campaign.ID, w.Rate, w.Burst)
	limiter.Fallback = w.Rate / float64(w.Workers)
	if w.client, err = w.Service.client(smooch.WithLimiter(limiter)); err != nil {
		return err
	}
	w.deduper = smoochredis.NewDeduper(store, w.campaign.ID, 24*time.Hour)
	return w.run(ctx)
}

// quiet is where go-redis logs to: the workers say themselves that Redis is away.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// run works until every chunk is finished. A chunk that some other worker has claimed is tried
// again, as that worker may die. One with messages that could not be sent is tried three times.
func (w *worker) run(ctx context.Context) error {
	tries := make([]int, w.campaign.chunks())
	const finished = 3
	start := rand.IntN(len(tries))
	for left := len(tries); left > 0; {
		worked := false
		left = 0
		for i := range tries {
			chunk := (start + i) % len(tries)
			if tries[chunk] >= finished {
				continue
			}
			claim, err := w.deduper.Claim(ctx, fmt.Sprint(chunk), w.Lease)
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil: // no chunk is begun while Redis is away
				slog.Warn("no chunk can be claimed", "error", err)
				left++
				pause(ctx, time.Second)
				continue
			case claim.State == smooch.ClaimDone:
				tries[chunk] = finished
				continue
			case claim.State == smooch.ClaimBusy:
				left++
				continue
			}
			worked = true
			complete, err := w.sendChunk(ctx, chunk, claim.Token)
			switch {
			case errors.Is(err, errStop):
				return err
			case complete:
				tries[chunk] = finished
				continue
			case !errors.Is(err, smooch.ErrClaimLost):
				tries[chunk]++
			}
			slog.Warn("a chunk is given back", "error", err)
			left++
		}
		if !worked {
			pause(ctx, 300*time.Millisecond)
		}
	}
	return nil
}

// errStop says that no message can be sent.
var errStop = errors.New("the service refuses all messages")

// sendChunk sends the messages of a chunk whose outcome is not known. complete means that it is for
// all of them now.
func (w *worker) sendChunk(ctx context.Context, chunk int, token string) (complete bool, err error) {
	name := fmt.Sprint(chunk)
	held, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	go w.hold(held, lose, name, token)
	journal, err := w.campaign.openJournal(chunk)
	if err == nil {
		err = w.sendRows(held, chunk, journal, lose)
		err = errors.Join(err, journal.file.Sync(), journal.file.Close())
	}
	end := context.WithoutCancel(ctx)
	if err != nil {
		_ = w.deduper.Release(end, name, token) // or the lease ends
		return false, err
	}
	if err := w.deduper.Done(end, name, token); err != nil {
		slog.Warn("a finished chunk will be looked at again", "error", err)
	}
	return true, nil
}

// hold extends the claim of a chunk until held ends. If it cannot be extended in time, hold ends
// held.
func (w *worker) hold(held context.Context, lose context.CancelCauseFunc, name, token string) {
	for since := time.Now(); ; {
		pause(held, w.Lease/3)
		if held.Err() != nil {
			return
		}
		asked := time.Now()
		switch err := w.deduper.Extend(held, name, token, w.Lease); {
		case err == nil:
			since = asked
		case errors.Is(err, smooch.ErrClaimLost) || time.Since(since) > w.Lease:
			lose(smooch.ErrClaimLost)
			return
		}
	}
}

// sendRows sends the messages of a chunk, some of them at once. It fails if the outcome of one
// stays unknown.
func (w *worker) sendRows(ctx context.Context, chunk int, j *journal, lose context.CancelCauseFunc) error {
	first, end := w.campaign.rows(chunk)
	rows := make(chan int)
	var mu sync.Mutex
	var failed error
	var group sync.WaitGroup
	for range w.InFlight {
		group.Go(func() {
			for row := range rows {
				if err := w.sendRow(ctx, row, j); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					if errors.Is(err, errStop) {
						lose(err)
					}
				}
			}
		})
	}
	for row := first; row < end && ctx.Err() == nil; row++ {
		j.mu.Lock()
		_, known := j.outcomes[row]
		j.mu.Unlock()
		if !known {
			rows <- row
		}
	}
	close(rows)
	group.Wait()
	if failed == nil || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return failed
}

// sendRow sends a message and records its outcome. If the journal was begun by someone else, the
// message may have been sent, and it is looked for first.
func (w *worker) sendRow(ctx context.Context, row int, j *journal) error {
	to := w.campaign.recipients[row]
	if to.again {
		return j.record(row, "the file has this user twice")
	}
	opts := []smooch.CallOption{smooch.WithSendToken(w.campaign.token(to.userID))}
	if j.resumed {
		opts = append(opts, smooch.WithSentSince(j.begun))
	}
	_, err := w.client.Conversations.PostMessage(ctx, to.userID, smooch.TextMessage(to.text), opts...)
	_, unreadable := errors.AsType[*smooch.DecodeError](err)
	switch {
	case err == nil || unreadable: // an unreadable answer is to a message that was sent
		return j.record(row, "")
	case ctx.Err() != nil || errors.Is(err, smooch.ErrOutcomeUnknown):
		return err
	case errors.Is(err, smooch.ErrNotFound), errors.Is(err, smooch.ErrBadRequest),
		errors.Is(err, smooch.ErrConversationFull), errors.Is(err, smooch.ErrInvalidArgument):
		return j.record(row, reasonOf(err))
	case errors.Is(err, smooch.ErrUnauthorized), errors.Is(err, smooch.ErrForbidden),
		errors.Is(err, smooch.ErrPaymentRequired):
		return fmt.Errorf("%w: %w", errStop, err)
	}
	return err
}

// reasonOf returns why the service does not send a message.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*smooch.Error](err); ok {
		return fmt.Sprintf("%d %s: %s", e.StatusCode, e.Code, e.Description)
	}
	return err.Error()
}

// pause returns after d, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
