// Package smooch is a client for the REST API of Smooch (Sunshine Conversations), versions v1 and
// v1.1, and a receiver for its webhooks.
//
//	client, err := smooch.NewClient(smooch.AppJWT(keyID, secret))
//	message := smooch.TextMessage("Noon it is.")
//	answer, err := client.Conversations.PostMessage(ctx, "steveb@channel5.com", message)
//
// # Clients
//
// [NewClient] takes a credential and options, such as [WithRegion], [WithHTTPClient] for a proxy,
// [WithRetryPolicy], [WithLimiter] and [WithLogger]. A program needs one [Client], which is safe
// for concurrent use. With the key of an account, it reaches every app through copies of that
// client, which share its connections and limits:
//
//	account, err := smooch.NewClient(smooch.AccountJWT(keyID, secret))
//	app := account.ForApp("55c8d9758590aa1900b9b9f6")
//
// A client speaks v1.1, or v1 if its credential is an [AppToken]. [Client.ForVersion] returns a
// copy that speaks the other version; a call that a version lacks fails with
// [ErrUnsupportedVersion], whose text names what replaces it.
//
// # Calls
//
// A client has a service for each resource:
//
//   - Users and their conversations: [AppUsersService], [ConversationsService],
//     [AttachmentsService], [NotificationsService], [TemplatesService], [StripeService]
//   - What an app is connected to: [IntegrationsService], [DeploymentsService], [MenuService],
//     [WebhooksService]
//   - Apps, and who may use them: [AppsService], [KeysService], [ServiceAccountsService],
//     [OAuthService]
//
// The comment of a method says what it returns, which errors its call in particular can meet, the
// path, the scopes and versions that have it, and the document that all this is from.
//
// The context limits a call with all its attempts. A [CallOption] changes one call: [WithResponse]
// keeps the whole response, [WithField] sends a member that the package does not know. Requests are
// values; in those of an update, a nil pointer leaves a field as it is. Unknown members, types and
// codes are never an error. [Client.Do] makes calls that have no method.
//
// Long lists have an iterator, which fetches the next page when it is needed:
//
//	for message, err := range app.Conversations.Messages(ctx, userID, smooch.MessageListOptions{}) {
//		if err != nil {
//			return err // is yielded last
//		}
//		fmt.Println(message.Text)
//	}
//
// # Errors, and whether a call was carried out
//
// An error tells what has become of the call. Test in this order:
//
//	*DecodeError            carried out, but its response could not be read
//	ErrResponseTooLarge     carried out, but its response is over WithMaxResponse
//	ErrOutcomeUnknown       it may have been carried out: find out before you repeat it
//	ErrInvalidArgument      nothing was sent
//	ErrUnsupportedVersion   nothing was sent
//	any other *Error        the service has refused the call, or fails
//	anything else           not carried out, or a repeat is harmless
//
// [errors.AsType] finds an [*Error] or a [*DecodeError], [errors.Is] the others, and the class of
// an *Error, such as [ErrNotFound] or [ErrRateLimited], or its [ErrorCode]. An unknown outcome has
// its cause in the same chain, so test for it before the class. Any call can meet
// [ErrUnauthorized], [ErrForbidden], [ErrRateLimited], [ErrServer] and the end of its context.
//
// No text of an error contains a secret, a body or a user id.
//
// # Repeats
//
// A call is attempted at most three times. After a 429, or a failure before a byte was written, any
// call is repeated. After any other lost connection, a timeout or a 5xx status (501 excepted), a
// call is repeated only if the repeat changes nothing. The SDK therefore never sends a message
// twice on its own. A 429 holds back the other calls of the client, too. [RetryPolicy] documents
// the whole policy, whose improvement does not count as a breaking change; [WithoutRetry] turns it
// off for one call.
//
// # Sends that must not double
//
// The API has no idempotency keys. [WithSendToken] puts a token of yours into a message, by which
// [ConversationsService.PostMessage] finds out in the history whether the message has arrived when
// no response says so, and sends it again only if it has not. [WithSentSince] looks before the
// first attempt, for a program that may send the same message again after a crash or a second
// delivery. [ConversationsService.FindSent] looks and sends nothing.
//
// # Receiving
//
// [WebhookReceiver] is an [http.Handler] that checks the secret of a delivery and passes typed
// events to your functions, each event once:
//
//	receiver, err := smooch.NewWebhookReceiver([]string{webhook.Secret})
//	smooch.Handle(receiver, func(ctx context.Context, e *smooch.MessageEvent) error { ... })
//	http.Handle("/smooch", receiver)
//
// A function that returns an error gets the event again, unless the error is [Permanent].
// [WebhooksService.Ensure] creates the webhook, at each start if you like. [WithDeduper] is for
// several processes behind one target, [WithBackground] for functions that take long, [WithQueue]
// for events that must survive the process, [WithSecretLookup] for secrets that other processes
// create. [ParseEvent] decodes an event that arrives in another way.
//
// # Tokens
//
// [JWTSigner.TokenFor] signs the token that a backend hands to its end user, who can then reach
// that user's conversation and nothing else:
//
//	token, err := smooch.AppUserJWT(keyID, secret, userID).TokenFor(24 * time.Hour)
//
// [VerifyJWT] checks such a token. As credentials, [AppJWT] and [AccountJWT] sign and renew tokens
// by themselves; [BearerToken] is for a ready-made one, and [Auth] for anything else.
//
// # Watching
//
// [WithLogger] logs attempts, and calls that failed after repeats. [WithHook] and
// [WithDeliveryHook] tell functions of yours of the beginning and the end of each call, attempt,
// delivery and handling, for metrics and traces. A receiver logs what fails to [slog.Default],
// unless [WithReceiverLogger] says otherwise. No record contains a secret, a body or a user id.
//
// # Testing
//
// Package [github.com/smooch/smooch-go/smoochtest] has the service for your tests, over real HTTP
// in the process of the test, with persons who write and tap, and faults. The command
// [github.com/smooch/smooch-go/cmd/smooch-sandbox] is the same as a process, with a page.
package smooch
