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

// WithSendToken makes [ConversationsService.PostMessage] find out by itself whether the message has
// arrived if the outcome of sending it is unknown. token is any text that no other message of the
// user has, such as a UUID. All other calls fail with [ErrInvalidArgument].
//
// The token is sent as sdkSendToken in the metadata of the message. If the outcome is unknown,
// PostMessage searches the user's history until it is clear whether the message is there, or the
// context ends (after two minutes if it has no deadline). If the message is there, PostMessage
// succeeds; the response contains nothing but the message. If it is still missing some seconds
// later, PostMessage sends it again, unless the service has been seen to drop metadata or
// [WithoutRetry] is set. If the outcome stays unknown, PostMessage fails with [ErrOutcomeUnknown];
// another process can repeat the search with [ConversationsService.FindSent].
//
// If the service processes the first message only after the search, the user gets it twice. The
// token makes that unlikely, but cannot prevent it.
func WithSendToken(token string) CallOption {
	return func(o *callOptions) { o.sendToken = &token }
}

const (
	confirmTimeout  = 2 * time.Minute // if the context has no deadline
	confirmInterval = 5 * time.Second // between two searches
	confirmMargin   = 3 * time.Second // as the Date header has whole seconds, and takes time to arrive
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
		r.refuse("field metadata", "would replace the send token; use MessagePost.Metadata instead")
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
		case findErr == nil:
			*out.(*MessageResponse) = MessageResponse{Message: *found}
			return nil
		case !errors.Is(findErr, ErrNotFound) || r.noRetry || c.core.noMetadata.Load():
			return err
		}
	}
}

// A sentMessage is a message that may have been sent, and that a search of the history can find.
type sentMessage struct {
	client *Client
	userID string
	token  string
	post   *MessagePost // nil: unknown
	since  time.Time    // when it was sent, by our clock
}

// confirm searches the history until it has found the message, or has missed it twice, some seconds
// apart. In that case its error matches ErrNotFound.
func (s *sentMessage) confirm(ctx context.Context) (*Message, error) {
	missing := 0
	for {
		found, err := s.find(ctx)
		switch {
		case err == nil:
			return found, nil
		case errors.Is(err, ErrNotFound):
			if missing++; missing == 2 {
				return nil, err
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

// mayRecover reports whether a search that failed with err may succeed later.
func mayRecover(err error) bool {
	e, answered := errors.AsType[*Error](err)
	return !errors.Is(err, errLookalike) && (!answered || e.StatusCode >= 500 || e.StatusCode == http.StatusTooManyRequests)
}

// errLookalike is the error of a search that found a message like the one that was sent, but
// without a send token: the service may have dropped its metadata.
var errLookalike = errors.New("smooch: the history has a message like it without its send token")

// find searches the messages that have arrived since the message was sent, newest first. It fails
// with ErrNotFound if the message is not among them.
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

// skew returns how far the service's clock is ahead of ours, by the Date header of a response.
func skew(answer http.Header) time.Duration {
	date, err := http.ParseTime(answer.Get("Date"))
	if err != nil {
		return 0
	}
	return time.Until(date)
}

// resembles reports whether received could be m without its send token. Without a text in m only
// the types are compared, as the service writes captions and descriptions of its own. A text with
// shorthand is not compared, as the service may turn it into anything.
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

// shorthandMark matches the marks of shorthand in a text, see [LinkShorthand].
var shorthandMark = regexp.MustCompile(`\]\(|%\(\(|%\{\{`)
