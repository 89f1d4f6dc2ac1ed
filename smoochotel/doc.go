// Package smoochotel makes traces and metrics of what package smooch does, with OpenTelemetry and
// the names of its semantic conventions for HTTP:
//
//	client, err := smooch.NewClient(credential, smooch.WithHook(smoochotel.Hook()))
//	receiver, err := smooch.NewWebhookReceiver(secrets,
//		smooch.WithDeliveryHook(smoochotel.DeliveryHook()))
//
// Without options, spans and measurements go to the global providers, and each attempt carries the
// header traceparent of W3C Trace Context.
//
// # Traces
//
// A call is a span named after its operation, such as "messages.create". Each of its attempts is a
// client span inside it, such as "POST /appusers/{userId}/messages", with
// http.request.resend_count from the second one on. What an attempt has waited for is an event of
// its span. The calls that settle a send token are spans inside the call that sends.
//
// A delivery is a server span, the child of the span in its context or, if there is none, of the
// one that its headers name. The handling of its event is a span inside the delivery, also with
// smooch.WithBackground. A handling that Process begins in another process starts a trace of its
// own, unless its context has a span.
//
// # Metrics
//
//	http.client.request.duration      s           each attempt
//	smooch.client.call.duration       s           each call, with all attempts and waits
//	smooch.client.repeats             {attempt}   by operation and what the attempt before it met
//	smooch.client.wait.time           s           by reason: limiter, pause, backoff
//	smooch.client.unknown_outcomes    {call}      calls that failed with smooch.ErrOutcomeUnknown
//	http.server.request.duration      s           each delivery
//	smooch.webhook.deliveries         {delivery}  by trigger, status of the answer, and outcome
//	smooch.webhook.handling.duration  s           by trigger: claim, function, and the record of it
//
// # Attributes
//
//	http.request.method, http.response.status_code, http.request.resend_count, http.route,
//	url.scheme, url.template, server.address, server.port, error.type
//	smooch.operation          such as "messages.create"
//	smooch.api.version        "v1" or "v1.1"
//	smooch.app.id             only with WithAppID
//	smooch.attempts           how often a call was sent
//	smooch.wait.reason        "limiter", "pause" or "backoff"
//	smooch.wait.time          seconds
//	smooch.trigger            of an event, "_OTHER" if package smooch does not know it
//	smooch.delivery.outcome   "handled", "failed", "duplicate", "queued", "ignored" or "refused"
//	smooch.handling.outcome   "handled", "failed", "duplicate" or "busy"
//	smooch.handling.queued    whether the event comes out of a queue
//	smooch.queue.time         seconds between the delivery and the handling
//
// error.type is the status of a response that is not 2xx, or one of: outcome_unknown, timeout,
// canceled, decode, response_too_large, invalid_argument, unsupported_version, connection, panic,
// claim_lost, busy, permanent, and _OTHER.
//
// No attribute holds the id of a user, a secret, or the text of a message or of an error. That is
// why url.full and url.path, which the conventions ask for, are missing.
package smoochotel
