package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
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
	Account   bool // the key is of the account, not of the app
}

func (s service) client(opts ...smooch.Option) (*smooch.Client, error) {
	auth := smooch.AppJWT(s.KeyID, s.KeySecret)
	if s.Account {
		auth = smooch.AppMakerJWT(s.KeyID, s.KeySecret)
	}
	if s.URL != "" {
		opts = append(opts, smooch.WithBaseURL(s.URL))
	}
	return smooch.NewClient(auth, append(opts, smooch.WithApp(s.AppID))...)
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

// Printf drops what go-redis logs.
func (quiet) Printf(context.Context, string, ...any) {}

// A chunkEnd says how the work at a chunk has ended.
type chunkEnd struct {
	chunk int
	err   error // nil: the outcome of every message is known
}

// run works until every chunk is finished. It claims the next chunk when each message of the last
// one has been begun, so that a slow message holds up no other. A chunk that another worker has
// claimed is tried again, as that one may die, and one that fails is tried three times.
func (w *worker) run(ctx context.Context) error {
	const finished = 3
	tries := make([]int, w.campaign.chunks())
	mine := map[int]bool{} // chunks that are being sent
	ends := make(chan chunkEnd, len(tries))
	slots := make(chan struct{}, w.InFlight)
	start := rand.IntN(len(tries))
	for wait := time.Duration(0); ; wait = 300 * time.Millisecond {
		for i := range tries {
			chunk := (start + i) % len(tries)
			if mine[chunk] || tries[chunk] >= finished {
				continue
			}
			claim, err := w.deduper.Claim(ctx, fmt.Sprint(chunk), w.Lease)
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil: // no chunk is begun while Redis is away
				warn("no chunk can be claimed", err)
				pause(ctx, time.Second)
			case claim.State == smooch.ClaimDone:
				tries[chunk] = finished
			case claim.State == smooch.ClaimWon:
				mine[chunk] = true
				begun := make(chan struct{})
				go func() { ends <- chunkEnd{chunk, w.sendChunk(ctx, chunk, claim.Token, slots, begun)} }()
				<-begun
			}
		}
		if len(mine) == 0 && !slices.ContainsFunc(tries, func(n int) bool { return n < finished }) {
			return nil
		}
		for timeout := time.After(wait); timeout != nil; {
			select {
			case e := <-ends:
				delete(mine, e.chunk)
				switch {
				case errors.Is(e.err, errStop):
					return e.err
				case e.err == nil:
					tries[e.chunk] = finished
				case !errors.Is(e.err, smooch.ErrClaimLost):
					tries[e.chunk]++
				}
				if e.err != nil {
					warn("a chunk is given back", e.err)
				}
			case <-timeout:
				timeout = nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// errStop says that no message can be sent.
var errStop = errors.New("the service refuses all messages")

// sendChunk sends the messages of a chunk whose outcome is not known. It closes begun when each of
// them has been begun.
func (w *worker) sendChunk(ctx context.Context, chunk int, token string, slots chan struct{}, begun chan<- struct{}) error {
	name := fmt.Sprint(chunk)
	held, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	go w.hold(held, lose, name, token)
	journal, err := w.campaign.openJournal(chunk)
	if err != nil {
		close(begun)
	} else {
		err = w.sendRows(held, chunk, journal, slots, begun)
		err = errors.Join(err, journal.file.Sync(), journal.file.Close())
	}
	end := context.WithoutCancel(ctx)
	if err != nil {
		_ = w.deduper.Release(end, name, token) // or the lease ends
		return err
	}
	if err := w.deduper.Done(end, name, token); err != nil {
		warn("a finished chunk will be looked at again", err)
	}
	return nil
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

// sendRows sends the messages of a chunk, each with one of the worker's slots. It fails if the
// outcome of one stays unknown.
func (w *worker) sendRows(ctx context.Context, chunk int, j *journal, slots chan struct{}, begun chan<- struct{}) error {
	first, end := w.campaign.rows(chunk)
	failures := make(chan error, end-first)
	var group sync.WaitGroup
	for row := first; row < end && ctx.Err() == nil; row++ {
		if j.knows(row) {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := w.sendRow(ctx, row, j); err != nil {
				failures <- err
			}
		})
	}
	close(begun)
	group.Wait()
	close(failures)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var all []error
	for err := range failures {
		if errors.Is(err, errStop) {
			return err
		}
		all = append(all, err)
	}
	if len(all) > 0 {
		return fmt.Errorf("%d open: %w", len(all), all[0])
	}
	return nil
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

// warn writes a line for the process that has started the worker.
func warn(what string, err error) { fmt.Fprintf(os.Stderr, "%s: %v\n", what, err) }

// pause returns after d, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
