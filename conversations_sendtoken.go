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
	confirmTimeout  = 2 * time.Minute // for a context without a deadline
	confirmInterval = 5 * time.Second // between two looks
	confirmMargin   = 3 * time.Second // the Date header has whole seconds, and travels
)

// sendWithToken makes the call of PostMessage with a send token.
func sendWithToken(ctx context.Context, c *Client, r *request, out any) error {
	token := *r.sendToken
	message, ok := r.in.(MessagePost)
	_, replaced := r.fields["metadata"]
	switch {
	case !ok || r.repeat != traceable:
		r.refuse("send token", "is for PostMessage only")
	case token == "":
		r.refuse("send token", "is empty")
	case ctx == nil:
		r.refuse("context", "is nil")
	case replaced:
		r.refuse("field metadata", "is given, which would replace the send token; use MessagePost.Metadata")
	}
	if r.err != nil {
		return r.err
	}
	if _, bounded := ctx.Deadline(); !bounded {
		limited, cancel := context.WithTimeout(ctx, confirmTimeout)
		defer cancel()
		ctx = limited
	}
	message.Metadata = maps.Clone(message.Metadata)
	if message.Metadata == nil {
		message.Metadata = map[string]any{}
	}
	message.Metadata[sendTokenKey] = token
	sent := sentMessage{client: c, userID: r.ids[0], token: token, post: &message, since: time.Now()}
	for {
		var answer MessageResponse
		attempt := *r
		attempt.sendToken = nil
		err := call(ctx, c, attempt.json(message), &answer, nil)
		if err == nil {
			if answer.Message.Metadata[sendTokenKey] != token {
				c.core.noMetadata.Store(true)
			}
			*out.(*MessageResponse) = answer
			return nil
		}
		if !errors.Is(err, ErrOutcomeUnknown) {
			return err
		}
		found, findErr := sent.confirm(ctx)
		switch {
		case found != nil:
			*out.(*MessageResponse) = MessageResponse{Message: *found}
			return nil
		case findErr != nil || r.once || c.core.noMetadata.Load():
			return err
		}
	}
}

// A sentMessage is a message that may have been sent, and is looked for in the history.
type sentMessage struct {
	client *Client
	userID string
	token  string
	post   *MessagePost // nil: not known
	since  time.Time    // when it was sent, by our clock
}

// confirm looks until the message is found or, on a second look some seconds after the first, not
// there: then it returns nil.
func (s *sentMessage) confirm(ctx context.Context) (*Message, error) {
	missing := 0
	for {
		found, err := s.find(ctx)
		switch {
		case err == nil:
			return found, nil
		case errors.Is(err, ErrNotFound):
			if missing++; missing == 2 {
				return nil, nil
			}
		case !mayRecover(err):
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(confirmInterval):
		}
	}
}

// mayRecover reports whether reading the history may succeed later.
func mayRecover(err error) bool {
	e, answered := errors.AsType[*Error](err)
	return !errors.Is(err, errLookalike) && (!answered || e.StatusCode >= 500 || e.StatusCode == http.StatusTooManyRequests)
}

// errLookalike is a message that could be the one looked for, had the service dropped its metadata.
var errLookalike = errors.New("smooch: the history holds such a message without its send token")

// find looks through the messages that arrived since then, newest first.
func (s *sentMessage) find(ctx context.Context, opts ...CallOption) (*Message, error) {
	var read Response
	opts = append([]CallOption{WithResponse(&read), func(o *callOptions) { o.unbudgeted = true }}, opts...)
	lookalike := false
	for m, err := range s.client.Conversations.Messages(ctx, s.userID, MessageListOptions{}, opts...) {
		if err != nil {
			return nil, err
		}
		if !m.Received.IsZero() && m.Received.Before(s.since.Add(skew(read.Header)-confirmMargin)) {
			break
		}
		if m.Metadata[sendTokenKey] == s.token {
			return m, nil
		}
		lookalike = lookalike || s.post != nil && resembles(m, s.post)
	}
	if lookalike {
		return nil, errLookalike
	}
	return nil, &Error{Op: opMessagesList.String(), StatusCode: http.StatusNotFound, Description: "no message with the send token", Attempts: read.Attempts}
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
func resembles(received *Message, m *MessagePost) bool {
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
