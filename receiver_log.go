package smooch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// WithReceiverLogger makes the receiver log to logger. The default is what [slog.Default] returns
// when a record is logged; slog.New(slog.DiscardHandler) logs nothing. The following is logged,
// with these attributes:
//
//	error    a function failed or panicked         trigger, key, error, dropped, stack
//	error    a function takes too long             trigger, key, error
//	error    the deduper or the queue failed       trigger, key, error, stack
//	error    the claim of an event was lost        trigger, key, error
//	error    an event was given up, see            trigger, key, error, attempts
//	         WithBackground
//	error    a hook panicked                       error, stack
//	warning  a member has an undocumented type     trigger, malformed
//
// key is the first 12 hexadecimal digits of the SHA-256 of the [EventKey], which itself holds ids
// of users. dropped says that the error is permanent, so that the event is not repeated.
// malformed has the paths of the members. stack is there after a panic.
//
// Each of the following is logged when it first happens and, while it goes on, once a minute:
//
//	warning  deliveries were refused               count, reasons
//	warning  the queue is full                     count
//	warning  a webhook of the next API version     count
//	         points here: its events are unknown
//	error    the receiver has no secret yet        count
//	error    the lookup of a secret failed         count, error
//
// count is the number of deliveries since the previous record. reasons has the number for each
// reason: wrong_secret, encoding, too_large, body_unread, not_json or shutting_down.
//
// Bodies and secrets are not logged. In the text of an error about an event, the key and the ids of
// the app user are replaced, if they have 6 bytes or more.
func WithReceiverLogger(logger *slog.Logger) ReceiverOption {
	return func(r *WebhookReceiver) error {
		if logger == nil {
			return argumentError("WithReceiverLogger", "logger", "is nil")
		}
		r.log.logger = logger
		return nil
	}
}

// receiverLog writes the log of a receiver.
type receiverLog struct {
	logger *slog.Logger // nil: slog.Default()

	mu      sync.Mutex
	tallies map[lineKind]*tally // of the kinds that were logged within the last minute
}

// A lineKind is a line that strangers or a lasting fault could cause any number of times, so it is
// logged once a minute, with a count.
type lineKind struct {
	level   slog.Level
	message string
}

var (
	lineRefused     = lineKind{slog.LevelWarn, "smooch webhook: deliveries were refused"}
	lineQueueFull   = lineKind{slog.LevelWarn, "smooch webhook: the queue is full"}
	lineNextVersion = lineKind{slog.LevelWarn, "smooch webhook: a webhook of the next API version points here, and its events are unknown"}
	lineNoSecret    = lineKind{slog.LevelError, "smooch webhook: deliveries arrive, but the receiver has no secret yet"}
	lineLookup      = lineKind{slog.LevelError, "smooch webhook: the lookup of a secret failed"}
)

// A tally is what was counted since a line was logged.
type tally struct {
	count   int
	reasons map[string]int
	err     error // the last one
}

// refusal returns what to count for a delivery that was refused before its event was known.
func refusal(status int, err error) (kind lineKind, reason string, logged error) {
	_, lookup := errors.AsType[*lookupError](err)
	switch {
	case lookup:
		return lineLookup, "", err
	case errors.Is(err, errNoSecret):
		return lineNoSecret, "", nil
	}
	switch status {
	case http.StatusUnauthorized:
		reason = "wrong_secret"
	case http.StatusUnsupportedMediaType:
		reason = "encoding"
	case http.StatusRequestEntityTooLarge:
		reason = "too_large"
	case http.StatusBadRequest:
		reason = "not_json"
	default:
		reason = "body_unread"
	}
	return lineRefused, reason, nil
}

// count counts a delivery for a line. A reason or an error is optional.
func (l *receiverLog) count(kind lineKind, reason string, err error) {
	l.mu.Lock()
	t, waiting := l.tallies[kind]
	if !waiting {
		t = &tally{reasons: map[string]int{}}
		l.tallies[kind] = t
	}
	t.count++
	t.err = err
	if reason != "" {
		t.reasons[reason]++
	}
	l.mu.Unlock()
	if !waiting {
		l.writeTally(kind)
	}
}

// writeTally logs what was counted for a line, and again in a minute, until nothing was counted.
func (l *receiverLog) writeTally(kind lineKind) {
	l.mu.Lock()
	t := l.tallies[kind]
	if t.count == 0 {
		delete(l.tallies, kind)
		l.mu.Unlock()
		return
	}
	l.tallies[kind] = &tally{reasons: map[string]int{}}
	l.mu.Unlock()
	time.AfterFunc(time.Minute, func() { l.writeTally(kind) })

	attrs := []slog.Attr{slog.Int("count", t.count)}
	if len(t.reasons) > 0 {
		var reasons []any
		for _, reason := range slices.Sorted(maps.Keys(t.reasons)) {
			reasons = append(reasons, slog.Int(reason, t.reasons[reason]))
		}
		attrs = append(attrs, slog.Group("reasons", reasons...))
	}
	if t.err != nil {
		attrs = append(attrs, slog.String("error", fmt.Sprint(t.err)))
	}
	l.write(context.Background(), kind.level, kind.message, attrs...)
}

// unusual logs what is unusual about an event that was decoded.
func (l *receiverLog) unusual(ctx context.Context, h *EventHeader) {
	if len(h.Malformed) > 0 {
		l.write(ctx, slog.LevelWarn, "smooch webhook: an event has members of other types than documented",
			slog.String("trigger", oneLine(string(h.Trigger))), slog.Any("malformed", h.Malformed))
	}
	var next struct {
		Events json.RawMessage `json:"events"`
	}
	if h.Trigger == "" && json.Unmarshal(h.raw, &next) == nil && next.Events != nil {
		l.count(lineNextVersion, "", nil)
	}
}

// userIDs returns the ids of all users in an event.
func userIDs(e Event) []string {
	users := []*AppUser{&e.header().AppUser}
	switch e := e.(type) {
	case *MergeEvent:
		users = append(users, e.Surviving)
		for i := range e.Discarded {
			users = append(users, &e.Discarded[i])
		}
	case *NotificationEvent:
		if e.MatchResult != nil {
			users = append(users, e.MatchResult.AppUser)
		}
	}
	var ids []string
	for _, user := range users {
		if user != nil {
			ids = append(ids, user.ID, user.UserID)
		}
	}
	return ids
}

// failure logs an error about an event. The text of the error may be anything, so the key and the
// ids of the user are removed from it.
func (l *receiverLog) failure(ctx context.Context, message string, e Event, key string, err error, attrs ...slog.Attr) {
	h := e.header()
	text := fmt.Sprint(err) // survives an Error method that panics
	for _, id := range longestFirst(append(userIDs(e), key)) {
		if len(id) >= 6 { // a shorter one could be part of any word
			text = strings.ReplaceAll(text, id, "[redacted]")
		}
	}
	attrs = append([]slog.Attr{
		slog.String("trigger", oneLine(string(h.Trigger))),
		slog.String("key", hash([]byte(key))[:12]),
		slog.String("error", text),
	}, attrs...)
	if panicked, ok := errors.AsType[*PanicError](err); ok && panicked.Stack != nil {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	l.write(ctx, slog.LevelError, message, attrs...)
}

// hookPanic logs the panic of a hook.
func (l *receiverLog) hookPanic(ctx context.Context, panicked *PanicError) {
	l.write(ctx, slog.LevelError, "smooch webhook: a hook panicked",
		slog.String("error", oneLine(panicked.Error())), slog.String("stack", string(panicked.Stack)))
}

// write logs a line. It recovers a panic of the logger, which would end the process on the
// goroutines of the receiver.
func (l *receiverLog) write(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	logger := l.logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(ctx, level, message, attrs...)
}
