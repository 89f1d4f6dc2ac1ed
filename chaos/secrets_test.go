package chaos

import (
	"fmt"
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
