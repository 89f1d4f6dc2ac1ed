package smooch

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is a response of the service whose status is not 2xx.
//
// Its text names the operation, the status, the code and the description on one line, and never
// contains a secret, a body or a user id: what the description repeats of the request is left out.
// Description and Body are as the service sent them. Find it with [errors.AsType], or test for its
// class or code with [errors.Is]:
//
//	e, ok := errors.AsType[*smooch.Error](err)
//	if errors.Is(err, smooch.ErrNotFound) { ... }
type Error struct {
	Op          string        // the call as it is documented, such as "GET /appusers/{userId}"
	StatusCode  int           // the HTTP status; 429 also if a pause after one ended the call
	Code        ErrorCode     // error.code of the body; "" if there is none
	Description string        // error.description of the body: for people, may change at any time
	RetryAfter  time.Duration // how long the service asks to wait; 0 if it does not say
	Attempts    int           // how often the call was sent
	Header      http.Header   // of the response
	Body        []byte        // of the response, at most 64 KiB; it may repeat what was sent
	Hint        string        // on 401 and 403: the credentials that the call accepts

	// redact removes from a text what must not appear in it. It is a function and not a list, as fmt
	// prints only the address of a function.
	redact func(text string, values bool) string
}

// maxErrorBody is the number of bytes that are kept of the body of an error.
const maxErrorBody = 64 << 10

// Error returns the text, on one line.
func (e *Error) Error() string { return "smooch: " + e.Op + ": " + e.text() }

// GoString returns the text without the operation, so that %#v shows nothing of Header and Body.
func (e *Error) GoString() string { return "smooch.Error(" + e.text() + ")" }

func (e *Error) text() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(e.StatusCode))
	switch {
	case e.Code != "":
		b.WriteString(" " + e.clean(string(e.Code), false))
	case http.StatusText(e.StatusCode) != "":
		b.WriteString(" " + http.StatusText(e.StatusCode))
	}
	if e.Description != "" {
		b.WriteString(": " + e.clean(e.Description, true))
	}
	if e.RetryAfter > 0 {
		b.WriteString("; retry after " + e.RetryAfter.Round(time.Millisecond).String())
	}
	if e.Hint != "" {
		b.WriteString("; this call " + e.Hint)
	}
	return b.String()
}

// clean makes a text of the service fit for a log: on one line, and without ids and credentials
// that the call sent. If values is set, it also leaves out the values of the query and the body.
func (e *Error) clean(text string, values bool) string {
	if e.redact != nil {
		text = e.redact(text, values)
	}
	return oneLine(text)
}

// Is reports whether target is the class of the status, such as [ErrNotFound], or the code.
// [errors.Is] calls it.
func (e *Error) Is(target error) bool {
	if class, ok := target.(statusClass); ok {
		return class.has(e.StatusCode)
	}
	code, ok := target.(ErrorCode)
	return ok && code == e.Code && code != ""
}

// LogValue returns the operation, the status and the code. It implements [slog.LogValuer].
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("op", e.Op),
		slog.Int("status", e.StatusCode),
		slog.String("code", e.clean(string(e.Code), false)))
}

// ErrorCode is error.code of a response, on which programs can decide. The set is open; the
// constants are the codes that are documented or have been seen. An ErrorCode is an error, so that
// [errors.Is] finds it in an [*Error]:
//
//	errors.Is(err, smooch.CodeUnauthorized)
type ErrorCode string

// The known codes. For any other, decide on the class of the error, such as [ErrBadRequest].
const (
	CodeUnauthorized         ErrorCode = "unauthorized"           // 401
	CodeForbidden            ErrorCode = "forbidden"              // 403: credential of the wrong scope
	CodeBadRequest           ErrorCode = "bad_request"            // 400
	CodeUnsupportedMediaType ErrorCode = "unsupported_media_type" // 415: type of file not allowed
	CodeUnhandledError       ErrorCode = "unhandled_error"        // not classified, may change later
	CodeUncategorizedError   ErrorCode = "uncategorized_error"    // not classified
)

// Error returns the code.
func (c ErrorCode) Error() string { return string(c) }

// statusClass is an error that stands for a range of statuses.
type statusClass struct {
	text     string
	from, to int // both included
}

func (c statusClass) Error() string       { return "smooch: " + c.text }
func (c statusClass) has(status int) bool { return c.from <= status && status <= c.to }

// The classes of an [Error], for [errors.Is].
var (
	// ErrBadRequest is status 400: the header or the body is malformed.
	ErrBadRequest error = statusClass{"bad request", 400, 400}

	// ErrUnauthorized is status 401: the credential is missing or invalid.
	ErrUnauthorized error = statusClass{"unauthorized", 401, 401}

	// ErrPaymentRequired is status 402: the plan does not include the call, or one of its limits is
	// used up.
	ErrPaymentRequired error = statusClass{"payment required", 402, 402}

	// ErrForbidden is status 403: the credential is valid, but has no access.
	ErrForbidden error = statusClass{"forbidden", 403, 403}

	// ErrNotFound is status 404: there is no such object, or none that the credential may see.
	ErrNotFound error = statusClass{"not found", 404, 404}

	// ErrConflict is status 409: the same object was being updated by another call, or something that
	// must be unique is taken.
	ErrConflict error = statusClass{"conflict", 409, 409}

	// ErrTooLarge is status 413: the body is larger than the call allows.
	ErrTooLarge error = statusClass{"request too large", 413, 413}

	// ErrConversationFull is status 423: the conversation cannot hold another message. The status, and
	// the limit of 30,000 messages, are in the specification of version 2 of the API alone; nothing
	// says that v1 and v1.1 differ.
	ErrConversationFull error = statusClass{"conversation full", 423, 423}

	// ErrRateLimited is status 429: there were too many calls.
	ErrRateLimited error = statusClass{"rate limited", 429, 429}

	// ErrServer is status 500 to 599: the service failed.
	ErrServer error = statusClass{"server error", 500, 599}
)

// The other errors of a call, for [errors.Is].
var (
	// ErrOutcomeUnknown marks a call that may have been carried out: the connection was lost, time ran
	// out or the service responded with 5xx, and a repeat could do the work twice. Find out whether
	// the work was done before you repeat the call. The cause, such as an [*Error] or
	// [context.DeadlineExceeded], is in the same chain.
	ErrOutcomeUnknown = errors.New("outcome unknown")

	// ErrUnsupportedVersion marks a call that the client's version does not have. Nothing was sent.
	// The text names the version that has the call, and the method that replaces it, if there is one.
	ErrUnsupportedVersion = errors.New("unsupported version")

	// ErrInvalidArgument marks an argument that cannot be used, such as an empty id. Nothing was sent.
	ErrInvalidArgument = errors.New("invalid argument")

	// ErrResponseTooLarge marks a call that was carried out, but whose response is larger than
	// [WithMaxResponse] allows.
	ErrResponseTooLarge = errors.New("response too large")
)

// DecodeError is a 2xx response that could not be read: it broke off, is not JSON, does not have
// the expected form, lacks the resource or its id, or is larger than [WithMaxResponse] allows. The
// service has carried out the call. [ParseEvent] returns a DecodeError for a body that is not an
// event.
type DecodeError struct {
	Op         string // the call as it is documented, or "webhook"
	StatusCode int    // of the response; 0 for the body of a webhook
	Err        error  // the cause, such as ErrResponseTooLarge
}

// Error returns the text, on one line.
func (e *DecodeError) Error() string {
	if e.StatusCode == 0 {
		return fmt.Sprintf("smooch: %s: the body cannot be read: %s", e.Op, safeText(e.Err))
	}
	return fmt.Sprintf("smooch: %s: carried out with status %d, but the response cannot be read: %s", e.Op, e.StatusCode, safeText(e.Err))
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// GoString returns the text, so that %#v shows nothing of Err, which may hold what the service
// sent.
func (e *DecodeError) GoString() string { return fmt.Sprintf("smooch.DecodeError(%q)", e.Error()) }

// callError is any other failure of a call, or of a function that checks its arguments.
type callError struct {
	op     string // the call or the function
	text   string
	causes []error // what errors.Is and errors.AsType find
}

func (e *callError) Error() string   { return "smooch: " + e.op + ": " + e.text }
func (e *callError) Unwrap() []error { return e.causes }

// GoString returns the text, so that %#v shows nothing of the causes, which may hold what the
// service sent.
func (e *callError) GoString() string { return fmt.Sprintf("smooch.callError(%q)", e.Error()) }

// argumentError returns the error of a refused argument. It names the argument, but not its value,
// which may be a secret or somebody's user id. op is the call or the function that refuses it.
func argumentError(op, name, reason string) error {
	return &callError{op, name + " " + reason, []error{ErrInvalidArgument}}
}

// unsupported returns the error of a call that the client's version does not have.
func unsupported(op, text string) error {
	return &callError{op, text, []error{ErrUnsupportedVersion}}
}

// callFailed returns the error of a call that failed because of cause, which is not a response.
func callFailed(op string, cause error) error {
	return &callError{op, safeText(cause), []error{withoutURL(cause)}}
}

// outcomeUnknown returns the error of a call that failed because of cause, but may have been
// carried out.
func outcomeUnknown(op string, cause error) error {
	return &callError{op, "outcome unknown, it may have been carried out: " + safeText(cause), []error{ErrOutcomeUnknown, cause}}
}

// newError returns the error of a response that is not 2xx, whatever its body is.
func newError(op *operation, status int, header http.Header, body []byte) *Error {
	e := &Error{Op: op.String(), StatusCode: status, Header: header, Body: body, RetryAfter: retryAfter(header)}
	e.Code, e.Description = readEnvelope(body)
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		e.Hint = op.accepts.hint()
	}
	return e
}

// readEnvelope returns the code and the description in {"error": {"code", "description"}}, or in
// {"errors": [{"code", "title"}]}, which is the form of version 2.
func readEnvelope(body []byte) (ErrorCode, string) {
	var envelope struct {
		Error  json.RawMessage   `json:"error"`
		Errors []json.RawMessage `json:"errors"`
	}
	_ = json.Unmarshal(body, &envelope) // both stay empty if the body is the page of a gateway
	detail := envelope.Error
	if len(detail) == 0 && len(envelope.Errors) > 0 {
		detail = envelope.Errors[0]
	}
	var members map[string]any
	if json.Unmarshal(detail, &members) != nil {
		return "", scalarText(detail)
	}
	description := memberText(members, "description", "message", "title")
	return ErrorCode(memberText(members, "code")), description
}

// memberText returns, as text, the first of the named members that is a number, a boolean or a
// string that is not empty.
func memberText(members map[string]any, names ...string) string {
	for _, name := range names {
		switch v := members[name].(type) {
		case string:
			if v != "" {
				return v
			}
		case float64, bool:
			return fmt.Sprint(v)
		}
	}
	return ""
}

// scalarText returns the string that raw encodes, or "" if it is not a string.
func scalarText(raw json.RawMessage) string {
	var text string
	_ = json.Unmarshal(raw, &text)
	return text
}
