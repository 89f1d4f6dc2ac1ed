package smooch

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// sendTokenKey is the member of a message's metadata that carries a send token.
const sendTokenKey = "sdkSendToken"

// maxSendToken leaves most of the 4 kB that later documents allow for metadata to the caller.
const maxSendToken = 1024

// NewSendToken returns a random send token for [WithSendToken]: 26 letters and digits that no other
// call returns. Store it before the message is sent if another process has to recognize the
// message.
func NewSendToken() string { return rand.Text() }

// WithSendToken makes [ConversationsService.PostMessage] find out by itself whether the message has
// arrived if the outcome of sending it is unknown. token is a text that no other message of the
// user has: one from [NewSendToken], or an id of your own, such as that of the order that the
// message is about. It has at most 1024 bytes, all of them printable UTF-8, and no space at either
// end, as the service could change any other text. Any other token, and any call other than
// PostMessage, fails with [ErrInvalidArgument].
//
// The token is sent as sdkSendToken in the metadata of the message. If the outcome is unknown,
// PostMessage searches the user's history until it is clear whether the message is there, or the
// context ends (after two minutes if it has no deadline). If the message is there, PostMessage
// succeeds; the response contains nothing but the message. If it is still missing some seconds
// later, PostMessage sends it again, unless the history has a message like it without a token, as
// the service may have dropped its metadata. The message is sent at most as often as
// [RetryPolicy].MaxAttempts allows, not counting what the service has refused; with [WithoutRetry]
// it is sent once. If the outcome stays unknown, PostMessage fails with [ErrOutcomeUnknown], even
// if the service has refused a repeat; the error then matches the refusal, too. Another process can
// repeat the search with [ConversationsService.FindSent].
//
// If the service processes a message only after the search, or shows it in the history too late,
// the user gets it twice. The token makes that unlikely, but cannot prevent it. It is not an
// idempotency key: two calls with one token send two messages, unless [WithSentSince] is set as
// well.
func WithSendToken(token string) CallOption {
	return func(o *callOptions) { o.sendToken = &token }
}

// WithSentSince makes [ConversationsService.PostMessage] search the user's history for the message
// with the send token before it sends anything. If it was sent at t or later, PostMessage returns
// it; the response contains nothing but the message. Otherwise, PostMessage sends it. This is for a
// program that may send the same message again because it handles an event a second time or has
// been restarted:
//
//	app.Conversations.PostMessage(ctx, userID, answer,
//		smooch.WithSendToken("answer to "+question.ID), smooch.WithSentSince(question.Received.Time))
//
// Each message needs a token of its own, so a bot that answers an event with two messages uses two
// tokens. t is a time before which the message cannot have been sent, by the clock of the caller or
// of the service; the search goes back to ten minutes before t. Without [WithSendToken], or with
// the zero time, the call fails with [ErrInvalidArgument]. If the history cannot be read,
// PostMessage fails and sends nothing.
//
// The search costs one more request, and one for every further 100 messages since t. It cannot see
// what another process is sending at the same moment, or what the history does not show yet; the
// user then gets the message twice.
func WithSentSince(t time.Time) CallOption {
	return func(o *callOptions) { o.sentSince = &t }
}

// sendTokenProblem returns what is wrong with a send token, or "". A token that may come back from
// the service as another text would never be found, and its message would be sent again.
func sendTokenProblem(token string) string {
	switch {
	case token == "":
		return "is empty"
	case len(token) > maxSendToken:
		return "is longer than " + strconv.Itoa(maxSendToken) + " bytes"
	case strings.ContainsRune(token, utf8.RuneError): // which any other byte is decoded to
		return "is not UTF-8, and JSON would change it; use NewSendToken, or encode it as hexadecimal"
	case strings.ContainsFunc(token, func(c rune) bool { return !unicode.IsPrint(c) }):
		return "has a character that is not printable"
	case strings.Trim(token, " ") != token:
		return "begins or ends with a space"
	}
	return ""
}

const (
	confirmTimeout  = 2 * time.Minute  // if the context has no deadline
	confirmInterval = 5 * time.Second  // between two searches
	tokenMargin     = 10 * time.Minute // as the service may date messages by another clock
	maxSkew         = 24 * time.Hour   // between the service's clock and ours
	lookalikeMargin = 3 * time.Second  // as the Date header has whole seconds and is read later
)

// sendWithToken makes the call of PostMessage with a send token.
func sendWithToken(ctx context.Context, c *Client, r *request, out any) error {
	checkSendToken(r)
	if r.err != nil {
		return r.err
	}
	message := r.in.(MessagePost)
	message.Metadata = maps.Clone(message.Metadata)
	if message.Metadata == nil {
		message.Metadata = map[string]any{}
	}
	message.Metadata[sendTokenKey] = *r.sendToken
	sent := sentMessage{client: c, userID: r.ids[0], token: *r.sendToken, progress: r.progress}
	since := r.sentSince
	r.sendToken, r.sentSince = nil, nil
	r.json(message)
	if since != nil {
		sent.since = *since
		switch found, err := sent.findEarlier(ctx, r); {
		case err == nil:
			*out.(*MessageResponse) = MessageResponse{Message: *found}
			return nil
		case !errors.Is(err, ErrNotFound):
			return err
		}
	}
	sent.post, sent.since = &message, time.Now()
	response, err := sent.send(ctx, r)
	if errors.Is(err, ErrOutcomeUnknown) {
		response, err = sent.settle(ctx, r, err)
	}
	if err == nil {
		*out.(*MessageResponse) = *response
	}
	return err
}

// checkSendToken refuses a request whose send token or search cannot be used.
func checkSendToken(r *request) {
	_, ok := r.in.(MessagePost)
	_, replaced := r.fields["metadata"]
	switch {
	case r.sendToken == nil:
		r.refuse("sent since", "needs a send token: use WithSendToken, too")
	case !ok || r.repeat != traceable:
		r.refuse("send token", "is for PostMessage only")
	case sendTokenProblem(*r.sendToken) != "":
		r.refuse("send token", sendTokenProblem(*r.sendToken))
	case r.sentSince != nil && r.sentSince.IsZero():
		r.refuse("sent since", "is the zero time")
	case replaced:
		r.refuse("field metadata", "would replace the send token; use MessagePost.Metadata instead")
	}
}

// A sentMessage is a message that may have been sent, and that a search of the history can find.
type sentMessage struct {
	client *Client
	userID string
	token  string
	post   *MessagePost // nil: unknown
	since  time.Time    // when it was sent, by our clock

	progress  *progress // of the call that sends it; nil: none does
	lookalike bool      // a search has found a message like it without a send token
}

// findEarlier searches the history for the message before r sends it. Its error does not match
// *DecodeError, which would say that the message was sent.
func (s *sentMessage) findEarlier(ctx context.Context, r *request) (*Message, error) {
	probe := *r
	if _, err := probe.build(ctx, s.client); err != nil {
		return nil, err // it cannot be sent, so there is nothing to search for
	}
	found, err := s.find(ctx, WithResponse(r.response))
	if err == nil || errors.Is(err, ErrNotFound) {
		return found, err
	}
	failed := &callError{op: r.String(), text: "not sent, as the search for an earlier one failed: " + safeText(err)}
	if _, unreadable := errors.AsType[*DecodeError](err); !unreadable {
		failed.causes = []error{err}
	}
	return nil, failed
}

// send sends the message.
func (s *sentMessage) send(ctx context.Context, r *request) (*MessageResponse, error) {
	attempt := *r
	return one[MessageResponse](ctx, s.client, &attempt, nil)
}

// settle finds out whether the message has arrived after the outcome of sending it was unknown, and
// sends it again if it has not. lost is the error of the last send whose outcome is unknown. A
// later refusal says nothing about that send, so the outcome stays unknown.
func (s *sentMessage) settle(ctx context.Context, r *request, lost error) (*MessageResponse, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		limited, cancel := context.WithTimeout(ctx, confirmTimeout)
		defer cancel()
		ctx = limited
	}
	for sends := 1; ; sends++ {
		found, err := s.confirm(ctx)
		switch {
		case err == nil:
			return &MessageResponse{Message: *found}, nil
		case !errors.Is(err, ErrNotFound):
			return nil, stillUnknown(r.String(), lost, "the search for it ended", err)
		case r.noRetry || sends >= s.client.core.retry.MaxAttempts:
			return nil, lost
		}
		response, err := s.send(ctx, r)
		_, carriedOut := errors.AsType[*DecodeError](err)
		switch {
		case err == nil || carriedOut:
			return response, err
		case !errors.Is(err, ErrOutcomeUnknown):
			return nil, stillUnknown(r.String(), lost, "the repeat failed", err)
		}
		lost = err
	}
}

// stillUnknown returns the error of a call whose outcome was unknown after lost, and stays so
// because of cause.
func stillUnknown(op string, lost error, text string, cause error) error {
	before := strings.TrimPrefix(lost.Error(), "smooch: "+op+": ")
	return &callError{op, before + "; " + text + ": " + safeText(cause), []error{cause, lost}}
}

// confirm searches the history until it has found the message, or has missed it twice, some seconds
// apart. In the latter case its error matches ErrNotFound, or is errLookalike.
func (s *sentMessage) confirm(ctx context.Context) (*Message, error) {
	missing := 0
	for {
		found, err := s.find(ctx)
		switch {
		case err == nil:
			return found, nil
		case errors.Is(err, ErrNotFound) || errors.Is(err, errLookalike):
			if missing++; missing == 2 {
				return nil, err
			}
		case !mayRecover(err):
			return nil, err
		}
		waited := s.progress.waits(&s.progress.waited.Backoff)
		select {
		case <-ctx.Done():
			waited()
			return nil, ctx.Err()
		case <-time.After(confirmInterval):
			waited()
		}
	}
}

// mayRecover reports whether a search that failed with err may succeed later.
func mayRecover(err error) bool {
	e, answered := errors.AsType[*Error](err)
	return !answered || e.StatusCode >= 500 || e.StatusCode == http.StatusTooManyRequests
}

// errLookalike is the error of a search that did not find the message, but one like it without a
// send token: the service may have dropped its metadata.
var errLookalike = errors.New("smooch: the history has a message like it without its send token")

// find searches the messages that have arrived since the message was sent, newest first. It fails
// with ErrNotFound if the message is not among them.
//
// A token is unique, so the search may go back further than necessary: by a margin, and by our
// clock or the service's, whichever is behind. A message without a token must have arrived after
// the send.
func (s *sentMessage) find(ctx context.Context, opts ...CallOption) (*Message, error) {
	read := &Response{}
	opts = append(slices.Clip(opts), func(o *callOptions) {
		o.unbudgeted = true
		if o.response != nil {
			read = o.response
		}
		o.response = read
	})
	for options := (MessageListOptions{}); ; {
		page, err := s.client.Conversations.ListMessages(ctx, s.userID, options, opts...)
		if err != nil {
			return nil, err
		}
		// The clock behind received may be right even if that of the header is ahead.
		since := s.since.Add(min(skew(read.Header), 0))
		first := since.Add(-tokenMargin)
		for i := range slices.Backward(page.Messages) {
			m := &page.Messages[i]
			switch {
			case arrivedBefore(m, first):
			case m.Metadata[sendTokenKey] == s.token:
				return m, nil
			case s.post != nil && !arrivedBefore(m, since.Add(-lookalikeMargin)):
				s.lookalike = s.lookalike || resembles(m, s.post)
			}
		}
		next, more := page.following(false)
		if !more || !next.IsZero() && next.Before(first) {
			break
		}
		edge := next.Add(time.Millisecond) // as others may have arrived in the same millisecond
		if edge.Equal(options.Before) {
			edge = next
		}
		if next.IsZero() || !options.advance(edge, false) {
			return nil, errNoProgress
		}
	}
	if s.lookalike {
		return nil, errLookalike
	}
	return nil, &Error{Op: opMessagesList.String(), StatusCode: http.StatusNotFound, Description: "no message with the send token", Attempts: read.Attempts}
}

// arrivedBefore reports whether a message of the history is older than t.
func arrivedBefore(m *Message, t time.Time) bool {
	return !m.Received.IsZero() && m.Received.Before(t)
}

// skew returns how far the service's clock is ahead of ours, by the Date header of a response, but
// a day at most: a header that is further off tells nothing, and what is added to a time of the
// year 1 would overflow.
func skew(answer http.Header) time.Duration {
	date, err := http.ParseTime(answer.Get("Date"))
	if err != nil {
		return 0
	}
	return max(-maxSkew, min(time.Until(date), maxSkew))
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
