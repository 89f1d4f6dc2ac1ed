package smooch

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/smooch/smooch-go/internal/keyqueue"
)

// WebhookReceiver is an http.Handler for the target of webhooks. It checks the secret, decodes the event
// and calls the function that was registered for its kind by [Handle].
//
//	receiver, err := smooch.NewWebhookReceiver([]string{webhook.Secret})
//	smooch.Handle(receiver, func(ctx context.Context, e *smooch.MessageEvent) error { ... })
//	http.Handle("/smooch", receiver)
//
// It answers what makes the service do the right thing:
//
//	HEAD, GET                      200  the service looks whether the target exists
//	another method than POST       405
//	secret wrong or missing        401  not repeated
//	not JSON                       400  not repeated
//	body over the limit            413  repeated: a limit that is raised in time still gets it
//	body breaks off                503  repeated
//	version not accepted           200
//	no function for the kind       200
//	handled, or handled before     200
//	the function fails             503  repeated
//	the function takes too long    503  repeated, but never run beside itself
//	the function fails for good    406  not repeated, see [Permanent]
//	the function panics            500  repeated
//
// The service sends no signature and no time: the secret in X-API-Key is all the proof there is, so the target must be https.
//
// Each event is handled once, by its [EventKey]: a copy of one that is being handled waits for
// its outcome and gets the same answer, a copy of one that was handled gets 200. [WithDeduper]
// shares that between processes. An event is acknowledged only when it has been handled, so a process that dies loses none; with
// [WithBackground] it does.
type WebhookReceiver struct {
	maxBody   int64
	timeout   time.Duration
	deduper   Deduper
	lease     time.Duration // of a claim whose holder says nothing more
	observer  func(Delivery)
	handlings handlingGroup
	queueSize int                        // of WithBackground
	workers   int                        // of WithBackground
	queue     *keyqueue.Queue[*handling] // nil: events are handled before they are answered

	mu       sync.Mutex
	secrets  [][sha256.Size]byte
	versions []Version // nil: all
	handlers map[reflect.Type]func(context.Context, Event) error
}

// ReceiverOption is a setting of [NewWebhookReceiver].
type ReceiverOption func(*WebhookReceiver) error

// Delivery is what became of one request, for [WithObserver].
type Delivery struct {
	Event       Event         // nil if the request was refused before it was decoded
	SecretIndex int           // place of the secret that matched among those given and added, from 0; -1: none
	Status      int           // the answer; 0 if the event was handled after it had been answered
	Handled     bool          // the function has run, and Err is its error
	Duplicate   bool          // another delivery of the event answered for this one
	Ignored     bool          // its version is not accepted, or no function is registered for its kind
	Err         error         // what went wrong
	Duration    time.Duration // since the request came
}

var errNoSecret = argumentError("WebhookReceiver", "secret", "is missing or empty: everybody would be let in")

// NewWebhookReceiver makes a receiver that lets in deliveries with one of secrets: each webhook
// has its own, and several may share a target. No secret, or an empty one, is an error.
func NewWebhookReceiver(secrets []string, opts ...ReceiverOption) (*WebhookReceiver, error) {
	r := &WebhookReceiver{
		maxBody:   1 << 20,
		timeout:   15 * time.Second,
		deduper:   NewMemoryDeduper(10_000),
		observer:  func(Delivery) {},
		handlers:  map[reflect.Type]func(context.Context, Event) error{},
		handlings: handlingGroup{byKey: map[string]*handling{}},
	}
	if len(secrets) == 0 {
		return nil, errNoSecret
	}
	for _, secret := range secrets {
		if err := r.AddSecret(secret); err != nil {
			return nil, err
		}
	}
	for _, opt := range opts {
		if err := opt(r); err != nil {
			return nil, err
		}
	}
	// In one process a function is never run beside itself, however long it takes; another process may
	// take its event over after the lease.
	r.lease = 2*r.timeout + 30*time.Second
	if r.workers > 0 {
		r.queue = keyqueue.New(r.queueSize, r.workers, (*handling).handle)
	}
	return r, nil
}

// WithAcceptVersions handles events of the given versions only; others are answered 200 and
// forgotten. The default is all. See [WebhookReceiver.AcceptVersions].
func WithAcceptVersions(versions ...Version) ReceiverOption {
	return func(r *WebhookReceiver) error {
		for _, v := range versions {
			if v != V1 && v != V1_1 {
				return argumentError("WithAcceptVersions", "version", "is not V1 or V1_1")
			}
		}
		r.AcceptVersions(versions...)
		return nil
	}
}

// WithDeduper remembers handled events in d. The default is NewMemoryDeduper(10_000).
func WithDeduper(d Deduper) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if isNil(d) {
			return argumentError("WithDeduper", "deduper", "is nil")
		}
		r.deduper = panicSafeDeduper{d}
		return nil
	}
}

// WithMaxBody bounds a delivery's body in bytes; the default is 1 MiB.
func WithMaxBody(bytes int64) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if bytes <= 0 {
			return argumentError("WithMaxBody", "limit", "is not positive")
		}
		r.maxBody = min(bytes, math.MaxInt64-1) // one more is read
		return nil
	}
}

// WithHandlerTimeout bounds a function's time by its context; the default is 15 seconds. The
// service waits 20 seconds for the answer, so that is the limit.
func WithHandlerTimeout(d time.Duration) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if d <= 0 || d > 20*time.Second {
			return argumentError("WithHandlerTimeout", "time-out", "is not between 0 and 20 seconds")
		}
		r.timeout = d
		return nil
	}
}

// WithObserver calls observe after each request, and again for an event that was handled after it had
// been answered. It must be safe for concurrent use. A panic of it is net/http's to handle, and is lost in a call after the answer.
func WithObserver(observe func(Delivery)) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if observe == nil {
			return argumentError("WithObserver", "observer", "is nil")
		}
		r.observer = observe
		return nil
	}
}

// AddSecret lets in deliveries with secret as well: a webhook's secret is known only once it exists. An empty one is an
// error, one that is known already keeps its place.
func (r *WebhookReceiver) AddSecret(secret string) error {
	if secret == "" {
		return errNoSecret
	}
	sum := sha256.Sum256([]byte(secret))
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.secrets, sum) {
		r.secrets = append(slices.Clone(r.secrets), sum)
	}
	return nil
}

// RemoveSecret lets in no more deliveries with secret. The secrets behind it move up one place.
// Without any left all deliveries are refused.
func (r *WebhookReceiver) RemoveSecret(secret string) {
	sum := sha256.Sum256([]byte(secret))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = slices.DeleteFunc(slices.Clone(r.secrets), func(s [sha256.Size]byte) bool { return s == sum })
}

// AcceptVersions handles events of the given versions only from now on, of all with none given;
// others are answered 200 and forgotten. Two webhooks of different versions
// deliver the same fact at different moments, so in an upgrade accept both instead of switching, for as long as the
// service tries again (15 minutes): the copies have one [EventKey] and are handled once. Another version than
// V1 and V1_1 is a panic.
func (r *WebhookReceiver) AcceptVersions(versions ...Version) {
	for _, v := range versions {
		if v != V1 && v != V1_1 {
			panic("smooch: AcceptVersions was called with " + strconv.Quote(string(v)))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.versions = slices.Clone(versions)
}

// Handle has fn called for each event of type E, such as [*MessageEvent]; with E [Event] for
// all that have no function of their own. A second function for a type, a nil one, or another interface is a panic.
//
// fn may be called concurrently. Its context ends with [WithHandlerTimeout]. An error
// makes the service deliver the event again, unless it is [Permanent].
func Handle[E Event](r *WebhookReceiver, fn func(ctx context.Context, event E) error) {
	kind := reflect.TypeFor[E]()
	switch {
	case fn == nil:
		panic("smooch: Handle was called with a nil function for " + kind.String())
	case kind.Kind() == reflect.Interface && kind != reflect.TypeFor[Event]():
		panic("smooch: Handle was called for " + kind.String() + ", which no event is")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.handlers[kind]; taken {
		panic("smooch: Handle was called twice for " + kind.String())
	}
	r.handlers[kind] = func(ctx context.Context, event Event) error { return fn(ctx, event.(E)) }
}

// Permanent marks an error of a function as final: the service does not deliver the event again. nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// PanicError is the error in [Delivery] of a panic in a function or in a [Deduper], or of a function that ended its
// goroutine by runtime.Goexit. The receiver does not log it: an observer should.
type PanicError struct {
	Value any    // what panic was called with; the text "runtime.Goexit"
	Stack []byte // as runtime/debug.Stack gives it; nil after a Goexit
}

func (e *PanicError) Error() string { return fmt.Sprintf("smooch: panic: %v", e.Value) }

var (
	errWrongSecret = errors.New("smooch: the secret is wrong or missing")
	errTooSlow     = errors.New("smooch: the handler takes too long")
)

// ServeHTTP answers one delivery.
func (r *WebhookReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	began := time.Now()
	switch req.Method {
	case http.MethodHead, http.MethodGet:
		w.WriteHeader(http.StatusOK)
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "POST, HEAD, GET")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	d := r.deliver(req, began)
	d.Duration = time.Since(began)
	w.WriteHeader(d.Status)
	r.observer(d)
}

// deliver does the work of ServeHTTP for a POST.
func (r *WebhookReceiver) deliver(req *http.Request, began time.Time) Delivery {
	d := Delivery{SecretIndex: r.match(req.Header.Values("X-API-Key"))}
	if d.SecretIndex < 0 {
		d.Status, d.Err = http.StatusUnauthorized, errWrongSecret
		return d
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, r.maxBody+1))
	_, limited := errors.AsType[*http.MaxBytesError](err) // by the application, around the receiver
	switch {
	case limited || int64(len(body)) > r.maxBody:
		d.Status, d.Err = http.StatusRequestEntityTooLarge, ErrTooLarge
		return d
	case err != nil:
		d.Status, d.Err = http.StatusServiceUnavailable, err
		return d
	}
	if d.Event, d.Err = ParseEvent(body); d.Err != nil {
		d.Status = http.StatusBadRequest
		return d
	}
	handler := r.handler(d.Event)
	if handler == nil {
		d.Status, d.Ignored = http.StatusOK, true
		if unknown, ok := d.Event.(*UnknownEvent); ok {
			d.Err = unknown.Err
		}
		return d
	}
	handleOnce(context.WithoutCancel(req.Context()), r, &d, handler, began)
	return d
}

// match compares with every secret, in a time that tells nothing of them. Exactly one value is taken.
func (r *WebhookReceiver) match(values []string) int {
	if len(values) != 1 {
		return -1
	}
	r.mu.Lock()
	secrets := r.secrets
	r.mu.Unlock()
	sum := sha256.Sum256([]byte(values[0]))
	place := -1
	for i := range secrets {
		place = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], secrets[i][:]), i, place)
	}
	return place
}

// handler is the function for an event, nil if it is not wanted.
func (r *WebhookReceiver) handler(e Event) func(context.Context, Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.versions) > 0 && !slices.Contains(r.versions, e.Header().Version) {
		return nil
	}
	if handler, ok := r.handlers[reflect.TypeOf(e)]; ok {
		return handler
	}
	return r.handlers[reflect.TypeFor[Event]()]
}

// Shutdown refuses new events with 503, so that they come again, and returns when those that were
// taken have been handled, or with ctx's error.
func (r *WebhookReceiver) Shutdown(ctx context.Context) error {
	r.handlings.close()
	drained := make(chan struct{})
	go func() {
		r.handlings.running.Wait()
		close(drained)
	}()
	select {
	case <-drained:
		if r.queue != nil {
			r.queue.Close()
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
