package smooch

import (
	"context"
	"log/slog"
	"time"
)

// WithLogger makes the client log to l; by default, nothing is logged. It writes these records,
// with these attributes:
//
//	debug    smooch attempt                     op, status, attempt, duration, error
//	warning  smooch call failed after repeats   op, status, attempts, duration, error
//
// op is the call as it is documented, such as "GET /appusers/{userId}". status is that of the
// response, 0 if there was none; error then says why, and also why a response could not be read.
// attempt is the number of the attempt, counted from 1, and attempts how many were made. duration
// is the time of the attempt, or that since the first attempt was sent. Neither headers, bodies nor
// ids are logged. A call that fails at its first attempt is its caller's to log.
func WithLogger(l *slog.Logger) Option {
	return func(cfg *config) error {
		if l == nil {
			return argumentError(newClientOp, "logger", "is nil")
		}
		cfg.core.logger = l
		return nil
	}
}

// logAttempt writes the record of the last attempt of an exchange.
func logAttempt(x *exchange) {
	attrs := make([]slog.Attr, 4, 5)
	attrs[0] = slog.String("op", x.request.String())
	attrs[1] = slog.Int("status", x.status)
	attrs[2] = slog.Int("attempt", x.attempts)
	attrs[3] = slog.Duration("duration", time.Since(x.began))
	if x.err != nil {
		attrs = append(attrs, slog.String("error", safeText(x.err)))
	}
	x.core.logger.LogAttrs(x.ctx, slog.LevelDebug, "smooch attempt", attrs...)
}

// logRepeated logs that a call has failed after repeats, unless [watchedCall] does, as the failure
// may not be that of the whole call. began is when the first attempt was sent.
func logRepeated(x *exchange, began time.Time, err *error) {
	if *err != nil && x.attempts > 1 && x.request.progress == nil {
		logFailure(x.ctx, x.request, x.core.logger, x.status, x.attempts, began, *err)
	}
}

// logFailure logs that a call has failed after repeats.
func logFailure(ctx context.Context, r *request, logger *slog.Logger, status, attempts int, began time.Time, err error) {
	logger.LogAttrs(ctx, slog.LevelWarn, "smooch call failed after repeats",
		slog.String("op", r.String()),
		slog.Int("status", status),
		slog.Int("attempts", attempts),
		slog.Duration("duration", time.Since(began)),
		slog.String("error", safeText(err)))
}
