package smooch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRedactor(t *testing.T) {
	t.Parallel()
	plain := http.Header{"Accept": {"application/json"}}
	tests := []struct {
		name    string
		request *request
		sent    http.Header // besides plain
		text    string
		want    string
	}{
		{
			"path argument, as it is and escaped", opAppUsersGet.with("bob/7@x.test"), nil,
			"no user bob/7@x.test (bob%2F7@x.test)",
			"no user [redacted] ([redacted])",
		},
		{
			"path of Do, escaped and as it was", newRequest("GET", "/appusers/steveb%40channel5.com/foo"), nil,
			"no user steveb@channel5.com (steveb%40channel5.com)",
			"no user [redacted] ([redacted])",
		},
		{
			"longest first", opMessagesDelete.with("bob", "bobby"), nil,
			"bobby, bob and bobo",
			"[redacted], [redacted] and [redacted]o",
		},
		{
			"form", opOAuthToken.with().postForm(url.Values{"code": {"0a1b2c"}, "client_secret": {"s3cr3t"}}), nil,
			"code 0a1b2c is not s3cr3t",
			"code [redacted] is not [redacted]",
		},
		{
			"credential, with its scheme and without", opAppsList.with(), http.Header{"Authorization": {"Bearer t0ken"}},
			"Bearer t0ken and t0ken",
			"[redacted] and [redacted]",
		},
		{
			"header of another name", opAppsList.with(), http.Header{"App-Token": {"t0ken"}},
			"t0ken is not known",
			"[redacted] is not known",
		},
		{
			"header that is no credential", opAppsList.with(), plain,
			"application/json is not accepted",
			"application/json is not accepted",
		},
		{
			"channel in the path", opAppUsersUnlinkChannel.with("ida-77", "messenger"), nil,
			"ida-77 has no messenger",
			"[redacted] has no messenger",
		},
		{
			"ids too short to be told from words", opAppUsersGet.with("is"), nil,
			"this is wrong",
			"this is wrong",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sent := plain.Clone()
			maps.Copy(sent, test.sent)
			assert.Equal(t, test.want, redactor(test.request, plain, sent)(test.text, true))
		})
	}
}

// TestRedactorOfTheBodyAndTheQuery: what a text repeats of values is removed, and nothing else.
func TestRedactorOfTheBodyAndTheQuery(t *testing.T) {
	t.Parallel()
	post := func(m MessagePost) *request { return opMessagesCreate.with("ida-77").json(m) }
	say := func(text string) *request { return post(TextMessage(text)) }
	notify := NotificationPost{Destination: NotificationDestination{IntegrationID: "int-00001", DestinationID: "+15145550100"}}
	tests := []struct {
		name, text, want string
		request          *request
	}{
		{"text", "cannot send my card is 4242-x to anyone", "cannot send [redacted] to anyone", say("my card is 4242-x")},
		{"quoted", `"my card" is not "allowed"`, `"[redacted]" is not "allowed"`, say("my card")},
		{"part of a longer word", "orders and reorder and order", "orders and reorder and order", say("order")},
		{"whole word of six bytes", "orders, reorders, orders_x and orders1", "[redacted], reorders, [redacted]_x and orders1", say("orders")},
		{"too short", "no hello", "no hello", say("hello")},
		{"more than once", "secret secret", "[redacted] [redacted]", say("secret")},
		{"JSON", `{"role":"appMaker","type":"text","text":"say \"hi\"\nto <Ida>"}`, `{"role":"appMaker","type":"text","text":"[redacted]"}`, say("say \"hi\"\nto <Ida>")},
		{"JSON for HTML", `say \"hi\" to \u003cIda\u003e`, `[redacted]`, say(`say "hi" to <Ida>`)},
		{"JSON in ASCII", `Gr\u00fc\u00dfe an alle`, `[redacted]`, say(`Grüße an alle`)},
		{"HTML", "Ida &amp; Bo", "[redacted]", say("Ida & Bo")},
		{"query", "text=my+card%21&x", "text=[redacted]&x", say("my card!")},
		{"path", "/my%20card%2F7", "/[redacted]", say("my card/7")},
		{"lower case", "no steve@x.test", "no [redacted]", say("Steve@X.test")},
		{"one line", "bad: second line", "bad: [redacted]", say("first line\nsecond line\r\nthird")},
		{"one line of JSON", `a\nsecond line\nb`, `a\n[redacted]\nb`, say("first line\nsecond line\r\nthird")},
		{"lines joined", "bad: first line second", "bad: [redacted]", say("first line\n\tsecond")},
		{"cut, in a longer word", "no amy card is 42...", "no amy card is 42...", say("my card is 4242-x")},
		{"cut", `bad: "my card is 42..." and my card is 4…`, `bad: "[redacted]..." and [redacted]…`, say("my card is 4242-x")},
		{"begins alike", "message... was sent", "message... was sent", say("messages of Ida")},
		{"without spaces between words", "用户张三丰不存在", "用户[redacted]不存在", say("张三丰")},
		{"longest first", "my card and my cardigan", "[redacted] and [redacted]", post(MessagePost{Text: "my card", Name: "my cardigan"})},
		{"phone", "15145550100 or +15145550100 or +1 514", "[redacted] or [redacted] or +1 514", opNotificationsCreate.with().json(notify)},
		{"phone as it is written", "15145550100 and +1 (514) 555-0100", "[redacted] and [redacted]", say("+1 (514) 555-0100")},
		{"id in the body", "no integration int-00001", "no integration [redacted]", opNotificationsCreate.with().json(notify)},
		{"items and actions", "Blue bicycle, RESERVE_B and https://x.test/b", "[redacted], [redacted] and [redacted]", post(CarouselMessage(MessageItem{
			Title: "Blue bicycle", Actions: []Action{PostbackAction("Reserve", "RESERVE_B"), LinkAction("Details", "https://x.test/b")},
		}))},
		{"metadata", "order-1234567, 1234567, true and kindness", "[redacted], [redacted], true and [redacted]", post(MessagePost{
			Text: "x", Metadata: map[string]any{"a": "order-1234567", "b": 1234567, "c": true, "type": "kindness"},
		})},
		{"words of the API", "a carousel of appMaker for messenger", "a carousel of appMaker for messenger", post(MessagePost{
			Role: RoleAppMaker, Type: MessageTypeCarousel, Name: "appMaker", Destination: &MessageDestination{IntegrationType: "messenger"}, Metadata: map[string]any{"channel": "messenger"},
		})},
		{"word to come", "no pigeon-post", "no pigeon-post", opIntegrationsCreate.with().json(map[string]any{"type": "pigeon-post", "displayName": "pigeon-post"})},
		{"triggers", "no message:appUser or later:trigger", "no message:appUser or later:trigger", opWebhooksCreate.with().json(WebhookCreate{Target: "https://x.test", Triggers: []Trigger{TriggerMessageAppUser, "later:trigger"}})},
		{"secret in the body", "token 123:ABC-def is wrong", "token [redacted] is wrong", opIntegrationsCreate.with().json(typedIntegration{TelegramCreate{Token: "123:ABC-def"}})},
		{"query parameters", "no int-00001 or int-00002", "no [redacted] or [redacted]", opAppUsersGetLinkRequests.with("ida-77").query(url.Values{"integrationIds": {"int-00001,int-00002"}})},
		{"query of types", "no twilio or pigeon-post", "no twilio or pigeon-post", opIntegrationsList.with().query(url.Values{"types": {"twilio,pigeon-post"}})},
		{"user id like a trigger", "no crm:bob", "no [redacted]", opAppUsersCreate.with().json(AppUserCreate{UserID: "crm:bob"})},
		{"form with a file", "shot-1.png of Steve B. with order-1", "[redacted] of [redacted] with [redacted]", opMessagesUploadImage.with("ida-77").upload(
			Upload{Source: strings.NewReader("GIF89a"), Filename: "/home/ida/shot-1.png"}, MessagePost{Role: RoleAppUser, Name: "Steve B.", Metadata: map[string]any{"a": "order-1"}},
		)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, test.request.err)
			assert.Equal(t, test.want, redactor(test.request, nil, nil)(test.text, true))
		})
	}
}

// TestRedactionOfLargeTextsIsFast: neither a long description nor a long message makes it slow.
func TestRedactionOfLargeTextsIsFast(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for i := range 1_000 {
		fmt.Fprintf(&lines, "aaaaaaaaaaaaaaaaaaaa %d\n", i)
	}
	r := opMessagesCreate.with("ida-77").json(TextMessage(lines.String()))
	for _, text := range []string{strings.Repeat("a...", 128<<10), strings.Repeat("a", 512<<10), strings.Repeat(lines.String(), 25)} {
		began := time.Now()
		got := oneLine(redactor(r, nil, nil)(text, true))
		assert.Less(t, time.Since(began), 20*time.Second)
		assert.LessOrEqual(t, len(got), 303)
	}
}

// TestWordsAreTheConstants: no constant for a type, role, trigger or channel is missing.
func TestWordsAreTheConstants(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	constant := regexp.MustCompile(`(?m)^\t(?:Role|MessageType|ActionType|IntegrationType|Platform|Trigger|ActivityType|FieldType|MenuItemType|ConfirmationType)\w+\s+\w+\s+= "(.{6,})"`)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range constant.FindAllStringSubmatch(string(data), -1) {
			found++
			assert.True(t, words[m[1]], m[1])
		}
	}
	assert.Greater(t, found, 40)
}

// TestErrorsDoNotRepeatTheBody: the text of an error leaves out what the description repeats; its
// code, Description and Body stay as they came.
func TestErrorsDoNotRepeatTheBody(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(400)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": "bad_request", "description": "cannot post " + string(body)}})
	})
	c := newTestClient(t, rec.URL, AppJWT("k", "s"))
	_, err := c.Conversations.PostMessage(t.Context(), "ida-77", TextMessage("bad_request"), WithField("extra", "Ida is ill"), WithQuery("note", "for Ida"))
	e, ok := errors.AsType[*Error](err)
	require.True(t, ok)
	assert.EqualError(t, err, `smooch: POST /appusers/{userId}/messages: 400 bad_request: cannot post {"extra":"[redacted]","role":"appMaker","text":"[redacted]","type":"text"}`)
	assert.Contains(t, e.Description, "Ida is ill")
	assert.Contains(t, string(e.Body), "Ida is ill")
	assert.Equal(t, CodeBadRequest, e.Code)
	assert.ErrorIs(t, err, CodeBadRequest)
}

func TestSafeText(t *testing.T) {
	t.Parallel()
	withURL := &url.Error{Op: "Get", URL: "https://x.test/appusers/bob", Err: errors.New("connection reset")}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"address", withURL, "connection reset"},
		{"wrapped address", fmt.Errorf("call: %w", withURL), "connection reset"},
		{"address around an address", &url.Error{Op: "Get", URL: "https://x.test/bob", Err: withURL}, "connection reset"},
		{"quoted answer", errors.New(`malformed HTTP response "bob is here"`), "malformed HTTP response ..."},
		{"answer", fmt.Errorf("call: %w", &Error{StatusCode: 404, Description: "no\nuser"}), "404 Not Found: no user"},
		{"failure of a call", callFailed("GET /apps", errors.New("refused")), "refused"},
		{"line breaks", errors.New("a\r\nb\tc\u2028d\u2029e"), "a  b c d e"},
		{"long", errors.New(strings.Repeat("x", 301)), strings.Repeat("x", 300) + "..."},
		{"long, cut within a character", errors.New("x" + strings.Repeat("ü", 150)), "x" + strings.Repeat("ü", 149) + "..."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, safeText(test.err))
		})
	}
}

// TestNoSecretInErrorsAndLogs posts a message with each kind of credential to services that fail.
func TestNoSecretInErrorsAndLogs(t *testing.T) {
	t.Parallel()
	const user, text, secret = "bob@example.com/7", "my card is 4242-x", "s3cr3tS3cr3t"
	services := map[string]http.HandlerFunc{
		"repeats all that it was sent": func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":{"code":%q,"description":%q}}`, r.Header.Get("Authorization"), fmt.Sprint(r.Header, r.RequestURI, r.URL.Path, len(body)))
		},
		"does not speak HTTP": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(conn, "GARBAGE %s %s\r\n\r\n", r.Header.Get("Authorization"), r.RequestURI)
			conn.Close()
		},
		"cannot be read": reply(200, `{"message":{"text":"my card is 4242-x","_id":{}}} trailing`),
	}
	auths := map[string]Auth{
		"JWT":       AppJWT("key7", secret),
		"Basic":     BasicAuth("key7", secret),
		"bearer":    BearerToken(secret),
		"app token": AppToken(secret),
		"own header": AuthFunc(func(_ context.Context, r *http.Request) error {
			r.Header.Set("X-Own", secret)
			return nil
		}),
	}
	for kind, auth := range auths {
		for name, service := range services {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				var log bytes.Buffer
				logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				rec := newRecorder(t, service)
				c := newTestClient(t, rec.URL, auth, WithVersion(V1), WithLogger(logger), WithRetryPolicy(RetryPolicy{MaxAttempts: 1}))
				_, err := c.Conversations.PostMessage(t.Context(), user, TextMessage(text))
				require.Error(t, err)
				logger.Error("call", "err", err)
				_, token, _ := strings.Cut(rec.last(t).header.Get("Authorization"), " ")
				all := fmt.Sprintf("%v %+v %s %v %+v %#v %v %+v %#v", err, err, log.String(), c, c, c, auth, auth, auth)
				if e, ok := errors.AsType[*Error](err); ok {
					e.Body, e.Description, e.Code = nil, "", "" // these have what the service repeats, as it came
					all += fmt.Sprintf("%v %+v %#v %#v", *e, *e, *e, e)
				}
				for _, hidden := range []string{secret, text, user, "bob@example.com", "bob%40", "4242-x", token} {
					if hidden != "" {
						assert.NotContains(t, all, hidden)
					}
				}
			})
		}
	}
}

func TestErrorsRedactWhatTheServiceRepeats(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"error":{"code":"bad_request","description":%q}}`, r.RequestURI+" "+string(body)+" steveb@channel5.com")
	})
	c := newTestClient(t, rec.URL, AccountJWT("act_1", "s"))
	_, err := c.OAuth.Exchange(t.Context(), OAuthExchange{Code: "0a1b2c", ClientID: "id", ClientSecret: "s3cr3t"})
	assert.ErrorContains(t, err, "[redacted]")
	assertNoSecret(t, err, "s3cr3t")
	assertNoSecret(t, err, "0a1b2c")

	err = c.Do(t.Context(), "GET", "/appusers/steveb%40channel5.com/foo", nil, nil)
	assert.ErrorContains(t, err, "[redacted]")
	assertNoSecret(t, err, "steveb")
}

// withSecrets has every exported struct that holds a secret, and the results of functions that do.
var withSecrets = []any{
	Key{}, Webhook{}, Deployment{}, DeploymentCreate{}, DeploymentActivate{}, OAuthAuthorize{}, OAuthExchange{}, OAuthToken{},
	Integration{}, IntegrationUpdate{}, MessengerCreate{}, InstagramCreate{}, TwilioCreate{}, MessageBirdCreate{}, TelegramCreate{},
	ViberCreate{}, LineCreate{}, WeChatCreate{}, TwitterCreate{}, MailgunCreate{}, APNCreate{}, FCMCreate{}, WhatsAppCreate{}, AppleCreate{},
	Device{}, DeviceUpdate{}, InitRequest{Device: Device{PushNotificationToken: hiddenText}}, PushTokenUpdate{}, AppUserClient{}, LinkRequest{}, TransferRequest{}, Response{},
	CustomIntegration("pigeon", map[string]any{"key": hiddenText}),
	AppJWT("k", hiddenText), AppUserJWT("k", hiddenText, "u"), AppToken(hiddenText), BasicAuth("k", hiddenText), BearerToken(hiddenText),
}

const hiddenText = "s3cr3t"

// notSecret has the fields whose names look like a secret's, but which hold none.
var notSecret = []string{"App.AppToken", "AppSettings.AttachmentsTokenExpirationSeconds", "Claim.Token", "DeliveryResult.SecretIndex"}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	for _, sample := range withSecrets {
		v := reflect.New(reflect.TypeOf(sample)).Elem()
		v.Set(reflect.ValueOf(sample))
		t.Run(v.Type().String(), func(t *testing.T) {
			t.Parallel()
			hide(v)
			held := v.Interface()
			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", held)
			assert.NotContains(t, log.String(), hiddenText)
			assertNoSecret(t, held, hiddenText)
			assertNoSecret(t, []any{held}, hiddenText)
			assertNoSecret(t, struct{ Held any }{held}, hiddenText)
			if v.Kind() == reflect.Struct {
				assertNoSecret(t, v.Addr().Interface(), hiddenText)
				encoded, err := json.Marshal(held)
				require.NoError(t, err)
				assert.NotEqual(t, "{}", string(encoded), "the service still gets it")
			}
		})
	}
}

// hide sets all texts of a struct to hiddenText, but not its id and type.
func hide(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for field, value := range v.Fields() {
		switch {
		case !field.IsExported(), field.Name == "ID", field.Name == "Type":
		case value.Kind() == reflect.String:
			value.SetString(hiddenText)
		case value.Type() == reflect.TypeFor[*string]():
			value.Set(reflect.ValueOf(new(hiddenText)))
		case value.Type() == reflect.TypeFor[[]byte]():
			value.SetBytes([]byte(hiddenText))
		case value.Type() == reflect.TypeFor[http.Header]():
			value.Set(reflect.ValueOf(http.Header{"Set-Cookie": {hiddenText}}))
		}
	}
}

// TestStructsWithSecretsAreKnown: an exported struct with a field that is called like a secret is
// in withSecrets.
func TestStructsWithSecretsAreKnown(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, sample := range withSecrets {
		known[reflect.TypeOf(sample).Name()] = true
	}
	secret := regexp.MustCompile(`(?i)secret|token$|password|apikey|accesskey|signingkey|serverkey|aeskey|certificate`)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range fields.Fields.List {
				for _, id := range field.Names {
					full := spec.Name.Name + "." + id.Name
					if id.IsExported() && secret.MatchString(id.Name) && !slices.Contains(notSecret, full) {
						found++
						assert.True(t, known[spec.Name.Name], "%s is not in withSecrets", full)
					}
				}
			}
			return true
		})
	}
	assert.Greater(t, found, 30)
}

// TestLongDescriptionIsCut without leaving the beginning of an id.
func TestLongDescriptionIsCut(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("abcdefghij", 25)
	c := fakeClient(t, func(*http.Request) (*http.Response, error) {
		return answer(400, `{"error":{"code":"x","description":"`+strings.Repeat(id+" ", 20)+`"}}`), nil
	})
	_, err := c.AppUsers.Get(t.Context(), id)
	assert.ErrorContains(t, err, "[redacted]")
	assert.NotContains(t, err.Error(), "abcdefghij")
}
