package smooch

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
)

// WebhookReceiver is an [http.Handler] for the target of webhooks. It checks the secret of a
// delivery, decodes the event and calls the function that [Handle] has registered for its type:
//
//	receiver, err := smooch.NewWebhookReceiver([]string{webhook.Secret})
//	smooch.Handle(receiver, func(ctx context.Context, e *smooch.MessageEvent) error { ... })
//	http.Handle("/smooch", receiver)
//
// Register it for all methods: the service checks the target with a HEAD request, which a router
// that passes on only POST answers with 404 or 405.
//
// The status of its answer tells the service whether to repeat the delivery:
//
//	HEAD, GET                     200  the service checks whether the target exists
//	other methods than POST       405
//	no secret configured yet      503  repeated, see AddSecret
//	secret wrong or missing       401  not repeated
//	lookup of the secret fails    503  repeated, see WithSecretLookup
//	body is not JSON              400  not repeated
//	body is compressed            415  repeated; Content-Encoding must be absent or identity
//	body is over the limit        413  repeated, and accepted if the limit is raised by then
//	body breaks off or drips      503  repeated, see WithHandlerTimeout
//	version not accepted          200
//	no function for the event     200
//	event handled, now or before  200
//	function returns an error     503  repeated
//	function takes too long       503  repeated, but not handled while the function still runs
//	function fails for good       406  not repeated, see Permanent
//	function panics               500  repeated
//	deduper fails, claim is lost  503  repeated, see Deduper
//	queue fails or is full        503  repeated, see WithQueue
//	receiver is shutting down     503  repeated, see Shutdown
//
// A delivery has neither a signature nor a time of sending. The secret in its header X-API-Key is
// the only proof of where it comes from, so the target must be https.
//
// Each event is handled once, as told by its [EventKey]. A copy of an event that is being handled
// waits for the outcome and gets the same answer. A copy of an event that has been handled gets
// 200. [WithDeduper] extends this to several processes. An event is acknowledged only when it has
// been handled or, with [WithQueue], is safe in a queue, so a process that dies loses none, except
// with [WithBackground].
//
// Failures and refusals are logged, see [WithReceiverLogger].
//
// The methods of a receiver are safe for concurrent use.
type WebhookReceiver struct {
	maxBody   int64
	timeout   time.Duration
	deduper   Deduper
	lease     time.Duration
	lookup    *secretLookup // nil: only the secrets count
	log       receiverLog
	handlings handlingGroup
	queue     Queue // nil: an event is handled before the answer

	deliveryHooks hooks[DeliveryInfo, DeliveryResult]
	handlingHooks hooks[HandlingInfo, HandlingResult]

	mu       sync.Mutex
	secrets  [][sha256.Size]byte
	versions []Version // nil: all
	handlers map[reflect.Type]func(context.Context, Event) error
}

// ReceiverOption is a setting of a new receiver, see [NewWebhookReceiver].
type ReceiverOption func(*WebhookReceiver) error

var errEmptySecret = argumentError("WebhookReceiver", "secret", "is empty, so that anyone could deliver events")

// NewWebhookReceiver returns a receiver that accepts deliveries with any of secrets. Each webhook
// has a secret of its own, and several webhooks may share a target.
//
// A webhook's secret is known only after its creation, so secrets may be nil: until
// [WebhookReceiver.AddSecret] is called, the service can check the target, and deliveries are
// answered with 503, so that they are repeated. [WithSecretLookup] is for secrets that another
// process adds.
//
// If a secret is empty or an option is invalid, the error matches [ErrInvalidArgument].
func NewWebhookReceiver(secrets []string, opts ...ReceiverOption) (*WebhookReceiver, error) {
	r := &WebhookReceiver{
		maxBody:   1 << 20,
		timeout:   15 * time.Second,
		deduper:   NewMemoryDeduper(10_000),
		lease:     30 * time.Second,
		handlers:  map[reflect.Type]func(context.Context, Event) error{},
		log:       receiverLog{tallies: map[lineKind]*tally{}},
		handlings: handlingGroup{byKey: map[string]*handling{}},
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
	if _, ours := r.deduper.(*memoryDeduper); !ours {
		r.deduper = guardedDeduper{r.deduper, r.timeout}
	}
	if q, ours := r.queue.(*memoryQueue); ours {
		q.start()
	}
	return r, nil
}

// WithAcceptVersions makes the receiver ignore events of all but the given versions: it answers
// them with 200. By default it handles all versions. See [WebhookReceiver.AcceptVersions].
func WithAcceptVersions(versions ...Version) ReceiverOption {
	return func(r *WebhookReceiver) error {
		for _, v := range versions {
			if v != V1 && v != V1_1 {
				return argumentError("WithAcceptVersions", "version", "is neither v1 nor v1.1")
			}
		}
		r.AcceptVersions(versions...)
		return nil
	}
}

// WithMaxBody limits the body of a delivery to the given number of bytes. The default is 1 MiB.
func WithMaxBody(bytes int64) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if bytes <= 0 {
			return argumentError("WithMaxBody", "limit", "is not positive")
		}
		r.maxBody = min(bytes, math.MaxInt64-1) // readUpTo reads one byte more
		return nil
	}
}

// WithHandlerTimeout limits the time of a function: its context ends after d. A delivery is
// answered with 503 if its body has not arrived, or its function has not returned, within d of the
// beginning of the request. The default is 15 seconds. More than 20 seconds is an error, as the
// service does not wait longer for the answer. A function that [WebhookReceiver.Process] calls, as
// for [WithBackground], is not limited.
func WithHandlerTimeout(d time.Duration) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if d <= 0 || d > 20*time.Second {
			return argumentError("WithHandlerTimeout", "time-out", "is not between 0 and 20 seconds")
		}
		r.timeout = d
		return nil
	}
}

// AddSecret makes the receiver accept deliveries with secret as well. Use it for a new webhook,
// whose secret is known only after its creation. An empty secret is an error. A secret that is
// accepted already keeps its index.
func (r *WebhookReceiver) AddSecret(secret string) error {
	if secret == "" {
		return errEmptySecret
	}
	sum := sha256.Sum256([]byte(secret))
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.secrets, sum) {
		r.secrets = append(slices.Clone(r.secrets), sum)
	}
	return nil
}

// RemoveSecret makes the receiver refuse deliveries with secret. The index of each secret added
// after it decreases by one. If no secret is left, deliveries are answered with 503, so that they
// are repeated, until [WebhookReceiver.AddSecret] is called.
func (r *WebhookReceiver) RemoveSecret(secret string) {
	sum := sha256.Sum256([]byte(secret))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = slices.DeleteFunc(slices.Clone(r.secrets), func(s [sha256.Size]byte) bool { return s == sum })
}

// AcceptVersions makes the receiver ignore events of all but the given versions from now on: it
// answers them with 200. If no version is given, it handles all. AcceptVersions panics if a version
// is neither [V1] nor [V1_1].
//
// Two webhooks of different versions deliver the same fact at different times. During an upgrade,
// do not switch from one version to the other, but accept both for as long as the service repeats
// deliveries (15 minutes). Both events of a fact have the same [EventKey], so it is handled once.
// Only delivery events have different keys: handle them in one version only.
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

// Handle registers fn for all events of type E, such as [*MessageEvent]. If E is [Event], fn is
// called for each event whose type has no function of its own. Handle panics if fn is nil, if E has
// a function already, or if E is another interface than Event.
//
// fn may be called concurrently. Its context ends after the time that [WithHandlerTimeout] sets, or
// with the cause [ErrClaimLost] if another process may handle the event. If fn returns an error,
// the service repeats the delivery, unless the error is [Permanent]. With a queue, fn is called
// again instead, see [WebhookReceiver.Process] and [WithBackground].
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

// Permanent marks the error of a function as final, so that the delivery is not repeated. If err is
// nil, it returns nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err, or an error that it wraps, was marked by [Permanent].
func IsPermanent(err error) bool {
	_, permanent := errors.AsType[*permanentError](err)
	return permanent
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// PanicError is the error in a [DeliveryResult] or [HandlingResult] if a function, a lookup of
// secrets or a [Deduper] has panicked, or if a function or a lookup has ended its goroutine with
// [runtime.Goexit]. The receiver logs a panic of a function or a Deduper with its stack.
type PanicError struct {
	Value any    // the argument of panic; the text "runtime.Goexit" after a Goexit
	Stack []byte // as returned by debug.Stack; nil after a Goexit
}

// Error returns a text that contains Value.
func (e *PanicError) Error() string { return fmt.Sprintf("smooch: panic: %v", e.Value) }

var (
	errNoSecret    = errors.New("smooch: the receiver has no secret yet, see AddSecret")
	errWrongSecret = errors.New("smooch: the secret is wrong or missing")
	errCompressed  = errors.New("smooch: the body has a Content-Encoding")
	errShutdown    = errors.New("smooch: the receiver is shutting down")
	errTooSlow     = errors.New("smooch: the handler takes too long")
	errClaimState  = errors.New("smooch: the deduper returned a claim without a state")
)

// ServeHTTP handles one request of the service.
func (r *WebhookReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	began := time.Now()
	// A body that drips must not hold the connection, and neither must the rest of a refused body,
	// which net/http reads. A shorter limit of the server stays in force.
	server, _ := req.Context().Value(http.ServerContextKey).(*http.Server)
	limited := server != nil && server.ReadTimeout > 0 && server.ReadTimeout <= r.timeout ||
		http.NewResponseController(w).SetReadDeadline(began.Add(r.timeout)) == nil
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
	d := DeliveryResult{SecretIndex: -1, Err: errAborted}
	if r.deliveryHooks != nil {
		ctx, end := r.deliveryHooks.begin(req.Context(), DeliveryInfo{req}, d)
		defer func() { end(d) }()
		req = req.WithContext(ctx)
	}
	d = r.deliver(req, began, limited)
	if d.Event == nil {
		if !limited { // or net/http would read the rest of the body before it sends the answer
			w.Header().Set("Connection", "close")
		}
		r.log.count(refusal(d.StatusCode, d.Err))
	}
	d.Duration = time.Since(began)
	if r.deliveryHooks == nil {
		w.WriteHeader(d.StatusCode)
		return
	}
	w.Header().Set("Content-Length", "0") // as net/http does by itself if the answer is not flushed
	w.WriteHeader(d.StatusCode)
	_ = http.NewResponseController(w).Flush() // so that the answer does not wait for the hooks
}

// deliver handles a POST request and returns what became of it. limited says that reading from the
// connection ends in time.
func (r *WebhookReceiver) deliver(req *http.Request, began time.Time, limited bool) DeliveryResult {
	d := DeliveryResult{SecretIndex: r.match(req.Header.Values("X-API-Key"))}
	if d.SecretIndex < 0 {
		if d.StatusCode, d.Err = r.unmatched(req, began); d.Err != nil {
			return d
		}
		d.SecretIndex = r.match(req.Header.Values("X-API-Key"))
	}
	if slices.ContainsFunc(req.Header.Values("Content-Encoding"), isCompressed) {
		d.StatusCode, d.Err = http.StatusUnsupportedMediaType, errCompressed
		return d
	}
	var body []byte
	var err error
	if limited {
		body, err = readUpTo(req.Body, req.ContentLength, r.maxBody)
	} else {
		body, err = readUntil(began.Add(r.timeout), req.Body, req.ContentLength, r.maxBody)
	}
	_, outer := errors.AsType[*http.MaxBytesError](err) // set by a handler around this one
	switch {
	case outer || int64(len(body)) > r.maxBody:
		d.StatusCode, d.Err = http.StatusRequestEntityTooLarge, ErrTooLarge
		return d
	case err != nil:
		d.StatusCode, d.Err = http.StatusServiceUnavailable, err
		return d
	}
	event, header, err := decodeEvent(body)
	if err != nil {
		d.StatusCode, d.Err = http.StatusBadRequest, err
		return d
	}
	d.Event = event
	if header.Trigger == "" || len(header.Malformed) > 0 {
		r.log.unusual(req.Context(), header)
	}
	ctx, f := context.WithoutCancel(req.Context()), factOf(event, header)
	var function func(context.Context, Event) error
	switch {
	case !r.accepts(header.Version):
		d.Ignored = true
	case r.queue != nil:
		enqueue(ctx, r, &d, f, body, began)
		return d
	default:
		function = r.function(event)
		d.Ignored = function == nil
	}
	if d.Ignored {
		d.StatusCode = http.StatusOK
		return d
	}
	handleOnce(ctx, r, &d, f, function, began)
	return d
}

// match returns the index of the secret in values; -1 if it is wrong or there is not exactly one
// value. It compares with every secret, in a time that reveals nothing about them.
func (r *WebhookReceiver) match(values []string) int {
	if len(values) != 1 {
		return -1
	}
	r.mu.Lock()
	secrets := r.secrets
	r.mu.Unlock()
	sum := sha256.Sum256([]byte(values[0]))
	index := -1
	for i := range secrets {
		index = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], secrets[i][:]), i, index)
	}
	return index
}

// unmatched returns the answer to a delivery whose secret does not match. The error is nil if the
// lookup has added the secret.
func (r *WebhookReceiver) unmatched(req *http.Request, began time.Time) (status int, err error) {
	values := req.Header.Values("X-API-Key")
	r.mu.Lock()
	configured := len(r.secrets) > 0 || r.lookup != nil
	r.mu.Unlock()
	switch {
	case !configured:
		return http.StatusServiceUnavailable, errNoSecret
	case r.lookup == nil || len(values) != 1 || values[0] == "":
		return http.StatusUnauthorized, errWrongSecret
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(req.Context()), began.Add(r.timeout))
	defer cancel()
	err = r.lookup.find(ctx, values[0])
	if errors.Is(err, errWrongSecret) {
		return http.StatusUnauthorized, err
	}
	return http.StatusServiceUnavailable, err
}

// accepts reports whether events of a version are to be handled.
func (r *WebhookReceiver) accepts(version Version) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.versions) == 0 || slices.Contains(r.versions, version)
}

// function returns the function for an event; nil if there is none.
func (r *WebhookReceiver) function(e Event) func(context.Context, Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if function, ok := r.handlers[reflect.TypeOf(e)]; ok {
		return function
	}
	return r.handlers[reflect.TypeFor[Event]()]
}

// Process handles an event that comes out of a [Queue]: it claims the event with the [Deduper],
// calls the function that [Handle] has registered for its type, and records the outcome. It returns
// when the function has returned. The error says what the queue has to do:
//
//	nil                  the event is done: handled now or before, or there is no function for it
//	IsPermanent          it can never be handled; keep it as a dead letter
//	ErrBusy              bring it again, without counting an attempt
//	ErrClaimLost         bring it again, without counting an attempt
//	any other            the attempt has failed, see PanicError for a panic; bring it again
//
// An event that is not done is not claimed any longer, so it can be brought again at any time, a
// dead letter included. A body that is not a JSON object is permanent.
//
// The context of the function ends with ctx, or if its claim is lost. [WithHandlerTimeout] does not
// limit it. Process must not be called for an event before the ones of the same Order that came
// before it are done or given up.
func (r *WebhookReceiver) Process(ctx context.Context, e QueuedEvent) error {
	return process(ctx, r, e)
}

// Shutdown makes the receiver answer deliveries of further events with 503, so that the service
// repeats them. It returns nil when all events that were accepted before have been handled or, with
// [WithQueue], put into the queue; or the error of ctx if ctx ends first. [WebhookReceiver.Process]
// goes on working.
func (r *WebhookReceiver) Shutdown(ctx context.Context) error {
	r.handlings.close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.handlings.running.Wait()
		if q, ours := r.queue.(*memoryQueue); ours {
			<-q.events.Close()
		}
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// String returns the name of the type, so that %v shows no secret and reads nothing that is in use.
func (r *WebhookReceiver) String() string { return "smooch.WebhookReceiver" }

// GoString returns the text of String, so that %#v leaves out the same.
func (r *WebhookReceiver) GoString() string { return r.String() }
