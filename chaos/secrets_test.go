package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/require"
)

// secretField matches the names of the fields that hold secrets.
var secretField = regexp.MustCompile(`(Secret|Token|Password|APIKey|ServerKey|AccessKey|SigningKey|AESKey)$|^(Code|Certificate)$`)

// holders are the types that hold secrets, as arguments or as results.
var holders = []any{
	smooch.Key{}, smooch.Webhook{}, smooch.OAuthExchange{}, smooch.OAuthToken{}, smooch.Integration{}, smooch.IntegrationUpdate{},
	smooch.Deployment{}, smooch.DeploymentCreate{}, smooch.MessengerCreate{}, smooch.InstagramCreate{}, smooch.TwilioCreate{},
	smooch.MessageBirdCreate{}, smooch.TelegramCreate{}, smooch.ViberCreate{}, smooch.LineCreate{}, smooch.WeChatCreate{},
	smooch.TwitterCreate{}, smooch.MailgunCreate{}, smooch.APNCreate{}, smooch.FCMCreate{}, smooch.WhatsAppCreate{}, smooch.AppleCreate{},
}

// fill returns a pointer to a value of v's type whose secrets are all markedSecret.
func fill(v any) (filled any, secrets int) {
	p := reflect.New(reflect.TypeOf(v))
	for i := range p.Elem().NumField() {
		field := p.Elem().Field(i)
		if !secretField.MatchString(p.Elem().Type().Field(i).Name) {
			continue
		}
		switch field.Interface().(type) {
		case string:
			field.SetString(markedSecret)
		case *string:
			field.Set(reflect.ValueOf(new(markedSecret)))
		default:
			continue
		}
		secrets++
	}
	return p.Interface(), secrets
}

// TestChaosSecrets prints and logs everything that holds a secret.
func TestChaosSecrets(t *testing.T) {
	t.Parallel()
	var w watcher
	tries := 0
	show := func(v any) {
		tries++
		w.returned(v)
		w.logger().Info("value", "v", v)
	}
	for _, holder := range holders {
		filled, secrets := fill(holder)
		require.Positive(t, secrets, "%T", holder)
		show(filled)
		show(reflect.ValueOf(filled).Elem().Interface())
		show([]any{reflect.ValueOf(filled).Elem().Interface()})
	}
	show(smooch.CustomIntegration("new", map[string]any{"token": markedSecret}))

	signers := map[string]*smooch.JWTSigner{
		"appUser": smooch.AppUserJWT(markedKeyID, markedSecret, "ida"), "app": smooch.AppJWT(markedKeyID, markedSecret),
		"appMaker": smooch.AppMakerJWT(markedKeyID, markedSecret), "account": smooch.AccountJWT(markedKeyID, markedSecret),
	}
	for _, signer := range signers {
		require.NoError(t, w.watchToken(signer))
		show(signer)
	}
	for _, auth := range []smooch.Auth{
		signers["app"], smooch.BasicAuth(markedKeyID, markedSecret), smooch.BearerToken(markedSecret), smooch.AppToken(markedSecret),
	} {
		show(auth)
		client, err := smooch.NewClient(auth)
		require.NoError(t, err)
		show(client)
		show(*client)
	}
	receiver, err := smooch.NewWebhookReceiver([]string{markedSecret})
	require.NoError(t, err)
	show(receiver)

	// What is refused must not be repeated.
	_, err = smooch.NewClient(smooch.BasicAuth(markedKeyID, markedSecret+"\n"))
	show(err)
	_, err = smooch.NewClient(smooch.AppJWT(markedKeyID, markedSecret+"\n"))
	show(err)
	_, err = smooch.NewClient(smooch.NoAuth(), smooch.WithBaseURL("https://user:"+markedSecret+"@media.test"))
	show(err)
	_, err = smooch.NewClient(smooch.NoAuth(), smooch.WithBaseURL("https://media.test:"+markedSecret))
	show(err)
	token, err := signers["app"].TokenFor(time.Minute)
	require.NoError(t, err)
	w.tokens = append(w.tokens, token)
	for _, try := range []string{token, token + "x", strings.TrimSuffix(token, token[len(token)-9:]), "x" + token} {
		_, err := smooch.VerifyJWT(try, func(string) (string, error) { return markedSecret + "2", nil })
		require.Error(t, err)
		show(err)
	}
	leaks := w.leaks()
	t.Log(strings.Join(leaks[:min(len(leaks), 20)], "\n"))
	record(t, result{"secrets: in %v, %+v, %#v and logs", tries, "0 found", fmt.Sprintf("%d found", len(leaks)), len(leaks) == 0})
}

// TestChaosSecretsOfDeliveries lets everything go wrong in a receiver, and searches its log and
// what its hook is told.
func TestChaosSecretsOfDeliveries(t *testing.T) {
	t.Parallel()
	var w watcher
	var log lockedBuffer
	everything := []string{markedSecret, webhookSecret, "guessed-secret-3307", markedUser, markedText, markedMetadata}
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	receiver, err := smooch.NewWebhookReceiver(nil, smooch.WithReceiverLogger(logger), smooch.WithHandlerTimeout(100*time.Millisecond))
	require.NoError(t, err)
	smooch.Handle(receiver, func(ctx context.Context, e *smooch.MessageEvent) error {
		switch e.Messages[0].ID {
		case "panics":
			panic(e.Messages[0].ID)
		case "hangs":
			<-ctx.Done()
			return ctx.Err()
		case "fails":
			return fmt.Errorf("cannot answer %s", e.AppUser.UserID)
		}
		return nil
	})
	tries := 0
	deliver := func(secret, body string) {
		tries++
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/smooch", strings.NewReader(body))
		req.Header.Set("X-API-Key", secret)
		receiver.ServeHTTP(httptest.NewRecorder(), req)
	}
	message := func(id, more string) string {
		return fmt.Sprintf(`{"trigger":"message:appUser","appUser":{"_id":%q,"userId":%q},"version":"v1.1","messages":[{"_id":%q,"role":"appUser","text":%q,"metadata":{"a":%q}%s}]}`,
			markedUser, markedUser, id, markedText, markedMetadata, more)
	}
	deliver(webhookSecret, message("too early", ""))
	require.NoError(t, receiver.AddSecret(webhookSecret))
	deliver("guessed-secret-3307", message("stranger", ""))
	for _, id := range []string{"works", "fails", "panics", "hangs"} {
		deliver(webhookSecret, message(id, ""))
	}
	deliver(webhookSecret, message("odd", `,"received":"`+markedText+`","actions":"`+markedText+`"`))
	deliver(webhookSecret, message("broken", "")[:150])
	deliver(webhookSecret, `{"events":[{"type":"conversation:message","payload":"`+markedText+`"}]}`)
	deliver(webhookSecret, `{"trigger":"`+markedText+`","appUser":{"_id":"`+markedUser+`"}}`)
	deliver(webhookSecret, `{"trigger":"message:appUser","appUser":"`+markedUser+`","messages":"`+markedText+`"}`)
	_, err = smooch.ParseEvent([]byte(message("broken", "")[:150]))
	require.Error(t, err)
	w.search("ParseEvent", fmt.Sprintf("%v %+v %#v", err, err, err), everything)
	w.search("the log of the receiver", log.String(), everything)
	leaks := w.leaks()
	t.Log(strings.Join(leaks, "\n"))
	t.Log(log.String())
	record(t, result{"secrets: in the log of a receiver", tries, "0 found", fmt.Sprintf("%d found", len(leaks)), len(leaks) == 0 && log.String() != ""})
}
