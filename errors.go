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

// Error is an answer of the service that is not 2xx.
//
// Its text names the operation, the status, the code and the description, on one line, and
// never holds a secret, a body or a user id. Find it with errors.AsType, or ask for its
// class or code with errors.Is:
//
//	e, ok := errors.AsType[*smooch.Error](err)
//	if errors.Is(err, smooch.ErrNotFound) { ... }
type Error struct {
	Op          string        // the call as the documentation writes it, "GET /appusers/{userId}"
	StatusCode  int           // the HTTP status; 429 also for a call that was held back because of an earlier 429
	Code        ErrorCode     // error.code of the body; "" if there was none
	Description string        // error.description of the body: for people, may change any time
	RetryAfter  time.Duration // what the service asks to wait; 0 if it does not say
	Attempts    int           // how often the call was sent
	Header      http.Header   // of the answer
	Body        []byte        // of the answer, at most 64 KiB, as it came: it may hold what was sent
	Hint        string        // on 401 and 403: the credentials that this operation accepts

	redact func(string) string // takes out what must not appear in the text; a function, as fmt prints no more of it than its address
}

// maxErrorBody bounds what is kept of the body of an error.
const maxErrorBody = 64 << 10

// Error gives the one-line text.
func (e *Error) Error() string { return "smooch: " + e.Op + ": " + e.text() }

// GoString is the text too, so that %#v shows nothing of Header and Body.
func (e *Error) GoString() string { return "smooch.Error(" + e.text() + ")" }

func (e *Error) text() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(e.StatusCode))
	switch {
	case e.Code != "":
		b.WriteString(" " + e.clean(string(e.Code)))
	case http.StatusText(e.StatusCode) != "":
		b.WriteString(" " + http.StatusText(e.StatusCode))
	}
	if e.Description != "" {
		b.WriteString(": " + e.clean(e.Description))
	}
	if e.RetryAfter > 0 {
		b.WriteString("; retry after " + e.RetryAfter.String())
	}
	if e.Hint != "" {
		b.WriteString("; this call " + e.Hint)
	}
	return b.String()
}

// clean makes text of the service fit for a log, should it repeat what the call sent.
func (e *Error) clean(text string) string {
	if e.redact != nil {
		text = e.redact(text)
	}
	return oneLine(text)
}

// Is reports whether target is the class of the status ([ErrNotFound], ...) or the code.
func (e *Error) Is(target error) bool {
	if class, ok := target.(statusClass); ok {
		return class.has(e.StatusCode)
	}
	code, ok := target.(ErrorCode)
	return ok && code == e.Code && code != ""
}

// LogValue gives operation, status and code.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("op", e.Op),
		slog.Int("status", e.StatusCode),
		slog.String("code", e.clean(string(e.Code))))
}

// ErrorCode is error.code of an answer: what programs decide on. The set is open; the
// constants are the codes that sources name. It is an error, so that errors.Is finds it:
//
//	errors.Is(err, smooch.CodeUnauthorized)
type ErrorCode string

// The codes that are known. Others occur: decide on the class then.
const (
	CodeUnauthorized         ErrorCode = "unauthorized"           // 401
	CodeForbidden            ErrorCode = "forbidden"              // 403: a valid credential of the wrong scope
	CodeBadRequest           ErrorCode = "bad_request"            // 400
	CodeUnsupportedMediaType ErrorCode = "unsupported_media_type" // 415: an upload of a type that is not allowed
	CodeUnhandledError       ErrorCode = "unhandled_error"        // not classified yet
	CodeUncategorizedError   ErrorCode = "uncategorized_error"    // not classified yet
)

// Error gives the code.
func (c ErrorCode) Error() string { return string(c) }

// statusClass is an error that stands for a range of statuses.
type statusClass struct {
	text     string
	from, to int
}

func (c statusClass) Error() string       { return "smooch: " + c.text }
func (c statusClass) has(status int) bool { return c.from <= status && status <= c.to }

// The classes of an [Error], for errors.Is.
var (
	ErrBadRequest      error = statusClass{"bad request", 400, 400}
	ErrUnauthorized    error = statusClass{"unauthorized", 401, 401}
	ErrPaymentRequired error = statusClass{"payment required", 402, 402} // not in the plan, or its limits are used up
	ErrForbidden       error = statusClass{"forbidden", 403, 403}
	ErrNotFound        error = statusClass{"not found", 404, 404}
	ErrConflict        error = statusClass{"conflict", 409, 409}
	ErrTooLarge        error = statusClass{"request too large", 413, 413}
	ErrRateLimited     error = statusClass{"rate limited", 429, 429}
	ErrServer          error = statusClass{"server error", 500, 599}
)

// Failures that are not an answer of the service.
var (
	// ErrOutcomeUnknown marks a call that may have been carried out: the connection was
	// lost, time ran out or a gateway answered 5xx, and doing it again could do it twice. The
	// cause, such as an [*Error] or context.DeadlineExceeded, is in the same chain.
	ErrOutcomeUnknown = errors.New("outcome unknown")

	// ErrUnsupportedVersion marks a call that the client's version does not have. Nothing was sent.
	ErrUnsupportedVersion = errors.New("unsupported version")

	// ErrInvalidArgument marks an argument that cannot be used, such as an empty id. Nothing was sent.
	ErrInvalidArgument = errors.New("invalid argument")

	// ErrResponseTooLarge marks a call that was carried out and whose answer exceeds [WithMaxResponse].
	ErrResponseTooLarge = errors.New("response too large")
)

// DecodeError is a 2xx answer that could not be read: it broke off, is not JSON, or not
// of the expected shape. The service has carried out the call. [ParseEvent] gives it for a delivery that is no event.
type DecodeError struct {
	Op         string // the call as the documentation writes it, or "webhook"
	StatusCode int    // of the answer; 0 for a delivery
	Err        error  // what went wrong; ErrResponseTooLarge if the answer exceeds the limit
}

// Error gives the one-line text.
func (e *DecodeError) Error() string {
	if e.StatusCode == 0 {
		return fmt.Sprintf("smooch: %s: the body cannot be read: %s", e.Op, safeText(e.Err))
	}
	return fmt.Sprintf("smooch: %s: %d, carried out, but the answer cannot be read: %s", e.Op, e.StatusCode, safeText(e.Err))
}

// Unwrap gives the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// callError is every other failure of a call: what happened, and what errors.Is may find.
type callError struct {
	op     string
	text   string
	causes []error
}

func (e *callError) Error() string   { return "smooch: " + e.op + ": " + e.text }
func (e *callError) Unwrap() []error { return e.causes }

// argumentError names the argument that is wrong, never its value: it may be a person's id, or a
// secret. op is the call or the function that refuses it.
func argumentError(op, name, reason string) error {
	return &callError{op, name + " " + reason, []error{ErrInvalidArgument}}
}

// unsupported refuses what the client's version does not have.
func unsupported(op, text string) error {
	return &callError{op, text, []error{ErrUnsupportedVersion}}
}

// callFailed is the failure of a call for a cause that is no answer.
func callFailed(op string, cause error) error {
	return &callError{op, safeText(cause), []error{withoutURL(cause)}}
}

// outcomeUnknown marks cause as leaving open whether the call was carried out.
func outcomeUnknown(op string, cause error) error {
	return &callError{op, "outcome unknown, it may have been carried out: " + safeText(cause), []error{ErrOutcomeUnknown, cause}}
}

// newError reads an answer that is not 2xx. Whatever the body is, the status survives.
func newError(op *operation, status int, header http.Header, body []byte) *Error {
	e := &Error{Op: op.String(), StatusCode: status, Header: header, Body: body, RetryAfter: retryAfter(header)}
	e.Code, e.Description = readEnvelope(body)
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		e.Hint = op.accepts.hint()
	}
	return e
}

// readEnvelope takes code and description out of {"error": {"code", "description"}}, and out of {"errors": [{"code", "title"}]},
// the envelope of the next generation.
func readEnvelope(body []byte) (ErrorCode, string) {
	var envelope struct {
		Error  json.RawMessage   `json:"error"`
		Errors []json.RawMessage `json:"errors"`
	}
	_ = json.Unmarshal(body, &envelope) // what can be read is; a gateway's page leaves both empty
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

// memberText gives the first member that is a string, a number or a boolean.
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

func scalarText(raw json.RawMessage) string {
	var text string
	_ = json.Unmarshal(raw, &text) // an envelope of another shape has no description
	return text
}
