package smooch

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// sendTokenKey is the member of a message's metadata that carries a send token.
const sendTokenKey = "sdkSendToken"

// WithSendToken makes [ConversationsService.PostMessage] find out by itself whether a
// message whose outcome is unknown has arrived. token is any text that no other message of
// the user carries, a UUID for instance. Other calls fail with [ErrInvalidArgument].
//
// The token travels in the message's metadata as sdkSendToken. After an unknown outcome the
// history is read until it is clear whether the message is there, or the context ends (two
// minutes if it has no deadline). Is it there, PostMessage succeeds; is it still missing some
// seconds later, the message is sent again. What the service takes in later than that
// makes a second message: the token narrows the gap and cannot close it. Nothing is sent again
// to a service that does not keep metadata. What stays open fails with [ErrOutcomeUnknown];
// [ConversationsService.FindSent] is the same look, for a process that starts anew.
func WithSendToken(token string) CallOption {
	return func(o *callOptions) { o.sendToken = &token }
}

const (
	settleTime   = 2 * time.Minute // for a context without a deadline
	settlePause  = 5 * time.Second // between two looks
	settleMargin = 3 * time.Second // the Date header has whole seconds, and travels
)

// postSettled posts a message with a send token.
func (s *ConversationsService) postSettled(ctx context.Context, userID string, r request, message MessagePost, o *callOptions) (*MessageResponse, error) {
	token := *o.sendToken
	if token == "" {
		return nil, argumentError(r, "send token", "is empty")
	}
	if _, given := o.fields["metadata"]; given {
		return nil, argumentError(r, "field metadata", "is given, which would replace the send token; use MessagePost.Metadata")
	}
	if _, ok := ctx.Deadline(); !ok {
		bounded, cancel := context.WithTimeout(ctx, settleTime)
		defer cancel()
		ctx = bounded
	}
	message.Metadata = maps.Clone(message.Metadata)
	if message.Metadata == nil {
		message.Metadata = map[string]any{}
	}
	message.Metadata[sendTokenKey] = token
	began := time.Now()
	for {
		answer, err := s.post(ctx, r, message, o)
		if err == nil && answer.Message.Metadata[sendTokenKey] != token {
			s.c.core.noMetadata.Store(true)
		}
		if !errors.Is(err, ErrOutcomeUnknown) {
			return answer, err
		}
		found, settleErr := s.settle(ctx, userID, &message, token, began)
		switch {
		case found != nil:
			return found, nil
		case settleErr != nil || o.once || s.c.core.noMetadata.Load():
			return nil, err
		}
	}
}

// settle looks for a message until it is found or, on a second look some seconds after the first, not there.
func (s *ConversationsService) settle(ctx context.Context, userID string, message *MessagePost, token string, since time.Time) (*MessageResponse, error) {
	missing := 0
	for {
		found, err := s.find(ctx, userID, token, message, since)
		switch {
		case err == nil:
			return found, nil
		case errors.Is(err, ErrNotFound):
			if missing++; missing == 2 {
				return nil, nil
			}
		case !mayClear(err):
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(settlePause):
		}
	}
}

// mayClear reports whether reading the history may succeed later.
func mayClear(err error) bool {
	e, answered := errors.AsType[*Error](err)
	return !errors.Is(err, errLookalike) && (!answered || e.StatusCode >= 500 || e.StatusCode == http.StatusTooManyRequests)
}

// errLookalike is a message that could be the one looked for, had the service dropped its metadata.
var errLookalike = errors.New("smooch: the history holds such a message without its send token")

// FindSent gives the message that was sent with [WithSendToken] token, if it arrived after
// since, the caller's time before sending. It fails with [ErrNotFound] if the history does not hold it.
// The service's clock, told by its answers, is allowed for.
//
//	GET /appusers/{userId}/messages
//
// Scope: app token, appUser (its own user), app, appMaker, account. Versions: v1, v1.1. Source: REST reference, "Get Messages".
func (s *ConversationsService) FindSent(ctx context.Context, userID, token string, since time.Time, opts ...CallOption) (*Message, error) {
	if token == "" {
		return nil, argumentError(opMessagesList.with(), "token", "is empty")
	}
	found, err := s.find(ctx, userID, token, nil, since, opts...)
	if err != nil {
		return nil, err
	}
	return &found.Message, nil
}

// find looks through the messages since then, newest first.
func (s *ConversationsService) find(ctx context.Context, userID, token string, like *MessagePost, since time.Time, opts ...CallOption) (*MessageResponse, error) {
	var read Response
	opts = append([]CallOption{WithResponse(&read), func(o *callOptions) { o.settles = true }}, opts...)
	lookalike := false
	for m, err := range s.Messages(ctx, userID, MessageListOptions{}, opts...) {
		if err != nil {
			return nil, err
		}
		if !m.Received.IsZero() && m.Received.Before(since.Add(skew(read.Header)-settleMargin)) {
			break
		}
		if m.Metadata[sendTokenKey] == token {
			return &MessageResponse{Message: *m}, nil
		}
		lookalike = lookalike || like != nil && like.resembles(m)
	}
	if lookalike {
		return nil, errLookalike
	}
	return nil, &Error{Op: opMessagesList.with().String(), StatusCode: http.StatusNotFound, Description: "no message with the send token", Attempts: read.Attempts}
}

// skew is how far the service's clock is ahead of ours.
func skew(answer http.Header) time.Duration {
	date, err := http.ParseTime(answer.Get("Date"))
	if err != nil {
		return 0
	}
	return time.Until(date)
}

// resembles reports whether received could be m without its send token. The service writes captions and descriptions
// of its own, and makes anything of shorthand.
func (m *MessagePost) resembles(received *Message) bool {
	_, other := received.Metadata[sendTokenKey]
	switch {
	case other || received.Role != m.Role:
		return false
	case shorthandMark.MatchString(m.Text):
		return true
	case m.Text != "":
		return strings.TrimSpace(received.Text) == strings.TrimSpace(m.Text)
	}
	return m.Type == "" || received.Type == m.Type
}

var shorthandMark = regexp.MustCompile(`\]\(|%\(\(|%\{\{`)
