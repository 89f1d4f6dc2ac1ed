package smoochotel

import (
	"context"
	"errors"
	"strconv"

	"github.com/smooch/smooch-go"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// errorClasses have a name in error.type. The first one that matches is taken.
var errorClasses = []struct {
	err  error
	name string
}{
	{smooch.ErrOutcomeUnknown, "outcome_unknown"},
	{smooch.ErrResponseTooLarge, "response_too_large"},
	{smooch.ErrInvalidArgument, "invalid_argument"},
	{smooch.ErrUnsupportedVersion, "unsupported_version"},
	{smooch.ErrClaimLost, "claim_lost"},
	{smooch.ErrBusy, "busy"},
}

// errorType returns the attribute error.type for an error of package smooch or of a function; the
// attribute is not valid if there is none. Its values are few, and none is the text of an error.
func errorType(err error) attribute.KeyValue {
	if err == nil {
		return attribute.KeyValue{}
	}
	return semconv.ErrorTypeKey.String(errorName(err))
}

func errorName(err error) string {
	for _, class := range errorClasses {
		if errors.Is(err, class.err) {
			return class.name
		}
	}
	if _, undecoded := errors.AsType[*smooch.DecodeError](err); undecoded {
		return "decode"
	}
	if _, panicked := errors.AsType[*smooch.PanicError](err); panicked {
		return "panic"
	}
	if smooch.IsPermanent(err) {
		return "permanent"
	}
	if e, answered := errors.AsType[*smooch.Error](err); answered {
		return strconv.Itoa(e.StatusCode)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "_OTHER"
}
