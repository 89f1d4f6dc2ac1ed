package smooch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// hookServer is a fake service for tests in a bubble: it works outside, where its webhooks can be
// connected, and calls reach it without a connection.
type hookServer struct {
	*smoochtest.Server
	delay func() time.Duration // of a call on its way, and again of its answer

	mu      sync.Mutex
	calls   []string // method and path after the app
	jobs    chan *http.Request
	results chan result
}

type result struct {
	answer *http.Response
	err    error
}

// newHookServer starts a service. It must not be called inside a bubble.
func newHookServer(t *testing.T) *hookServer {
	t.Helper()
	s := &hookServer{Server: smoochtest.NewServer(), jobs: make(chan *http.Request), results: make(chan result)}
	s.delay = func() time.Duration { return 0 }
	go func() {
		for r := range s.jobs {
			answer, err := s.serve(r) //nolint:bodyclose // the client closes it
			s.results <- result{answer, err}
		}
	}()
	t.Cleanup(func() { close(s.jobs); s.Close() })
	return s
}

func (s *hookServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	time.Sleep(s.delay())
	result := s.carryOut(r)
	time.Sleep(s.delay())
	return result.answer, result.err
}

func (s *hookServer) carryOut(r *http.Request) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, path, _ := strings.Cut(r.URL.Path, "/apps/"+s.App().ID)
	s.calls = append(s.calls, r.Method+" "+path)
	r = r.Clone(context.Background()) // a channel of the bubble cannot be used outside
	if r.Body == nil {
		r.Body = http.NoBody
	}
	s.jobs <- r
	return <-s.results
}

func (s *hookServer) serve(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if recover() != nil { // the service cuts a connection by a panic
			err = errors.New("connection reset by peer")
		}
	}()
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// client returns a client of a version.
func (s *hookServer) client(v smooch.Version) *smooch.Client {
	return s.Client(smooch.WithHTTPClient(&http.Client{Transport: s}), smooch.WithVersion(v), smooch.WithRetryPolicy(smooch.RetryPolicy{MaxAttempts: 1}))
}

// taken returns the calls since the last time.
func (s *hookServer) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// hooks returns the webhooks of the app, in the order of their ids.
func (s *hookServer) hooks(t *testing.T) []smooch.Webhook {
	t.Helper()
	hooks, err := s.client(smooch.V1_1).Webhooks.List(t.Context())
	require.NoError(t, err)
	slices.SortFunc(hooks, func(a, b smooch.Webhook) int { return strings.Compare(a.ID, b.ID) })
	s.taken()
	return hooks
}

const hookTarget = "http://127.0.0.1:1/smooch"

var hookSettings = smooch.WebhookCreate{
	Target:   hookTarget,
	Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser, smooch.TriggerPostback},
}

// TestTriggersOfTheOtherVersion: a name that the other version has for a trigger would never fire.
func TestTriggersOfTheOtherVersion(t *testing.T) {
	t.Parallel()
	sent, version := 0, smooch.V1
	client, err := smooch.NewClient(smooch.AppJWT("k", "s"), smooch.WithHTTPClient(&http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		sent++
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(
			`{"webhook":{"_id":"w1"},"webhooks":[{"_id":"550000000000000000000001","target":"` + hookTarget + `","version":"` + string(version) + `"}]}`))}, nil
	})}))
	require.NoError(t, err)
	for _, test := range []struct {
		version smooch.Version
		trigger smooch.Trigger
		problem string // "": accepted
	}{
		{smooch.V1_1, smooch.TriggerDeliverySuccess, "triggers contain delivery:success, which v1.1 calls message:delivery:channel"},
		{smooch.V1_1, smooch.TriggerDeliveryFailure, "triggers contain delivery:failure, which v1.1 calls message:delivery:failure"},
		{smooch.V1, smooch.TriggerMessageDeliveryChannel, "triggers contain message:delivery:channel, which v1 calls delivery:success"},
		{smooch.V1, smooch.TriggerMessageDeliveryFailure, "triggers contain message:delivery:failure, which v1 calls delivery:failure"},
		{smooch.V1, smooch.TriggerMessageDeliveryUser, "triggers contain message:delivery:user, which v1 does not have"},
		{smooch.V1_1, smooch.TriggerMessageDeliveryUser, ""},
		{smooch.V1, smooch.TriggerDeliveryFailure, ""},
		{smooch.V1_1, smooch.TriggerMessage, ""},
		{smooch.V1, smooch.TriggerNotificationDeliveryFailure, ""},
		{smooch.V1, smooch.TriggerClientAdd, ""},
		{smooch.V1, "message:delivery:", ""},
		{smooch.V1_1, "delivery:later", ""},
		{smooch.V1_1, smooch.TriggerAll, ""},
	} {
		hooks := client.ForVersion(test.version).Webhooks
		settings := smooch.WebhookCreate{Target: hookTarget, Triggers: []smooch.Trigger{smooch.TriggerPostback, test.trigger}}
		for name, call := range map[string]func() error{
			"POST /webhooks": func() error { _, err := hooks.Create(t.Context(), settings); return err },
			"PUT /webhooks/{webhookId}": func() error {
				_, err := hooks.Update(t.Context(), "w1", smooch.WebhookUpdate{Triggers: settings.Triggers})
				return err
			},
			"Webhooks.Ensure": func() error { _, err := hooks.Ensure(t.Context(), settings); return err },
		} {
			sent, version = 0, test.version
			err := call()
			if test.problem == "" {
				assert.NoError(t, err, "%s %s", name, test.trigger)
				continue
			}
			assert.ErrorIs(t, err, smooch.ErrInvalidArgument)
			assert.EqualError(t, err, "smooch: "+name+": "+test.problem)
			assert.Zero(t, sent)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inBubble runs a test of Ensure in a bubble, which begins in 2000. The ids that the service makes
// have the real time.
func inBubble(t *testing.T, test func(t *testing.T, s *hookServer)) {
	t.Helper()
	t.Parallel()
	s := newHookServer(t)
	synctest.Test(t, func(t *testing.T) { test(t, s) })
}

// passYears lets time pass until the webhooks are old.
func passYears() { time.Sleep(100 * 365 * 24 * time.Hour) }

func TestEnsure(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		hooks := s.client(smooch.V1_1).Webhooks
		start := time.Now()
		created, err := hooks.Ensure(t.Context(), hookSettings)
		require.NoError(t, err)
		assert.Equal(t, []string{"GET /webhooks", "POST /webhooks", "GET /webhooks", "GET /webhooks"}, s.taken())
		assert.Equal(t, 2*time.Second, time.Since(start))
		assert.NotEmpty(t, created.Secret)
		assert.Equal(t, []smooch.Webhook{*created}, s.hooks(t))

		start = time.Now()
		found, err := hooks.Ensure(t.Context(), hookSettings)
		require.NoError(t, err)
		assert.Equal(t, []string{"GET /webhooks", "GET /webhooks"}, s.taken())
		assert.Equal(t, 2*time.Second, time.Since(start), "another replica may have listed before the create")
		assert.Equal(t, created, found)

		passYears()
		start = time.Now()
		swapped := hookSettings
		swapped.Triggers = []smooch.Trigger{smooch.TriggerPostback, smooch.TriggerMessageAppUser, smooch.TriggerPostback}
		found, err = hooks.Ensure(t.Context(), swapped)
		require.NoError(t, err)
		assert.Equal(t, []string{"GET /webhooks"}, s.taken())
		assert.Zero(t, time.Since(start))
		assert.Equal(t, created, found)
	})
}

func TestEnsureUpdatesWhatDiffers(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		old, err := s.client(smooch.V1_1).Webhooks.Create(t.Context(), hookSettings)
		require.NoError(t, err)
		passYears()
		for _, step := range []struct {
			change func(*smooch.WebhookCreate)
			body   string
		}{
			{func(w *smooch.WebhookCreate) { w.Triggers = []smooch.Trigger{smooch.TriggerAll} }, `{"triggers":["*"]}`},
			{func(w *smooch.WebhookCreate) { w.IncludeClient = true }, `{"triggers":["message:appUser","postback"],"includeClient":true}`},
			{func(w *smooch.WebhookCreate) { w.IncludeFullAppUser = true }, `{"includeClient":false,"includeFullAppUser":true}`},
			{func(*smooch.WebhookCreate) {}, `{"includeFullAppUser":false}`},
		} {
			settings := hookSettings
			step.change(&settings)
			s.taken()
			hook, err := s.client(smooch.V1_1).Webhooks.Ensure(t.Context(), settings)
			require.NoError(t, err)
			assert.Equal(t, []string{"GET /webhooks", "PUT /webhooks/" + old.ID}, s.taken())
			requests := s.Requests()
			assert.JSONEq(t, step.body, string(requests[len(requests)-1].Body))
			assert.Equal(t, old.Secret, hook.Secret)
			assert.Equal(t, settings.Triggers, hook.Triggers)
			assert.Equal(t, []smooch.Webhook{*hook}, s.hooks(t))
		}
	})
}

// TestEnsureOnV1, whose lists do not say which version a webhook has.
func TestEnsureOnV1(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		v1, v11 := s.client(smooch.V1).Webhooks, s.client(smooch.V1_1).Webhooks
		later, err := v11.Ensure(t.Context(), hookSettings)
		require.NoError(t, err)
		before, err := v1.Ensure(t.Context(), smooch.WebhookCreate{Target: hookTarget})
		require.NoError(t, err)
		assert.NotEqual(t, later.ID, before.ID)
		assert.Equal(t, []smooch.Trigger{smooch.TriggerMessage}, before.Triggers)

		passYears()
		for range 2 {
			again, err := v1.Ensure(t.Context(), smooch.WebhookCreate{Target: hookTarget})
			require.NoError(t, err)
			assert.Equal(t, before.Secret, again.Secret)
			again, err = v11.Ensure(t.Context(), hookSettings)
			require.NoError(t, err)
			assert.Equal(t, later, again)
		}
		s.taken()
		_, err = v1.Update(t.Context(), before.ID, smooch.WebhookUpdate{Triggers: []smooch.Trigger{smooch.TriggerPostback}})
		require.NoError(t, err)
		again, err := v1.Ensure(t.Context(), smooch.WebhookCreate{Target: hookTarget})
		require.NoError(t, err)
		assert.Equal(t, before.Triggers, again.Triggers)
		assert.Len(t, s.hooks(t), 2)
	})
}

// TestEnsureKeepsTheOldest of webhooks that were there before, and deletes none of them.
func TestEnsureKeepsTheOldest(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		hooks := s.client(smooch.V1_1).Webhooks
		for range 4 {
			_, err := hooks.Create(t.Context(), hookSettings)
			require.NoError(t, err)
		}
		other := hookSettings
		other.Target += "/other"
		_, err := hooks.Create(t.Context(), other)
		require.NoError(t, err)
		before := s.hooks(t)
		oldest := before[slices.IndexFunc(before, func(w smooch.Webhook) bool { return w.Target == hookTarget })]
		kept, err := hooks.Ensure(t.Context(), hookSettings)
		require.NoError(t, err)
		assert.Equal(t, oldest, *kept)
		assert.Equal(t, before, s.hooks(t))
	})
}

// TestEnsureInReplicas: replicas that start at once end with one webhook and its secret. The app
// has room for ten, so some of their creates are refused.
func TestEnsureInReplicas(t *testing.T) {
	t.Parallel()
	for round := range 10 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *hookServer) {
				s.delay = func() time.Duration { return rand.N(450 * time.Millisecond) }
				secrets := make([]string, 20)
				var replicas sync.WaitGroup
				for i := range secrets {
					replicas.Go(func() {
						time.Sleep(rand.N(time.Duration(round+1) * 100 * time.Millisecond))
						hook, err := s.client(smooch.V1_1).Webhooks.Ensure(t.Context(), hookSettings)
						if assert.NoError(t, err) {
							secrets[i] = hook.Secret
						}
					})
				}
				replicas.Wait()
				left := s.hooks(t)
				require.Len(t, left, 1)
				for _, secret := range secrets {
					assert.Equal(t, left[0].Secret, secret)
				}
			})
		})
	}
}

func TestEnsureAfterAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault smoochtest.Fault
		late  bool // the webhook appears a second after the create
		want  error
	}{
		"carried out":     {fault: smoochtest.Fault{Cut: smoochtest.CutAfter}},
		"unreadable":      {fault: smoochtest.Fault{Truncate: true}},
		"lost":            {fault: smoochtest.Fault{Cut: smoochtest.CutBefore}, want: smooch.ErrOutcomeUnknown},
		"server error":    {fault: smoochtest.Fault{Status: 502}, want: smooch.ErrOutcomeUnknown},
		"late":            {fault: smoochtest.Fault{Cut: smoochtest.CutBefore}, late: true},
		"refused":         {fault: smoochtest.Fault{Status: 402}, want: smooch.ErrPaymentRequired},
		"refused at once": {fault: smoochtest.Fault{Status: 403}, late: true, want: smooch.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *hookServer) {
				test.fault.Method = "POST"
				s.Fail(test.fault)
				if test.late {
					time.AfterFunc(time.Second, func() {
						_, err := s.client(smooch.V1_1).Webhooks.Create(t.Context(), hookSettings)
						assert.NoError(t, err)
					})
				}
				hook, err := s.client(smooch.V1_1).Webhooks.Ensure(t.Context(), hookSettings)
				if test.want != nil {
					assert.Nil(t, hook)
					assert.ErrorIs(t, err, test.want)
					time.Sleep(2 * time.Second)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, []smooch.Webhook{*hook}, s.hooks(t))
			})
		})
	}
}

// TestEnsureWithLateLists, which do not contain the new webhook yet.
func TestEnsureWithLateLists(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		s.Fail(smoochtest.Fault{Method: "GET", Times: 3, Status: 200, Body: `{"webhooks":[]}`, ContentType: "application/json"})
		hook, err := s.client(smooch.V1_1).Webhooks.Ensure(t.Context(), hookSettings)
		require.NoError(t, err)
		assert.Equal(t, []smooch.Webhook{*hook}, s.hooks(t))
	})
}

// TestEnsureGivesWay to a webhook with a lower _id, whose digits are not a time.
func TestEnsureGivesWay(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		passYears()
		const lowest = `{"webhooks":[{"_id":"000000000000000000000001","target":"` + hookTarget + `","version":"v1.1","triggers":["*"]}]}`
		s.Fail(smoochtest.Fault{Method: "GET", Status: 200, Body: `{"webhooks":[]}`, ContentType: "application/json"})
		s.Fail(smoochtest.Fault{Method: "GET", Times: -1, Status: 200, Body: lowest, ContentType: "application/json"})
		s.Fail(smoochtest.Fault{Method: "DELETE", Status: 404}) // somebody else was faster
		hook, err := s.client(smooch.V1_1).Webhooks.Ensure(t.Context(), smooch.WebhookCreate{Target: hookTarget, Triggers: []smooch.Trigger{smooch.TriggerAll}})
		require.NoError(t, err)
		assert.Equal(t, "000000000000000000000001", hook.ID)
		assert.Regexp(t, "^GET /webhooks,POST /webhooks,GET /webhooks,DELETE /webhooks/[0-9a-f]+,GET /webhooks$", strings.Join(s.taken(), ","))
	})
}

func TestEnsureInAFullApp(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		hooks := s.client(smooch.V1_1).Webhooks
		other := hookSettings
		for i := range 10 {
			other.Target = hookTarget + fmt.Sprint(i)
			_, err := hooks.Create(t.Context(), other)
			require.NoError(t, err)
		}
		_, err := hooks.Ensure(t.Context(), hookSettings)
		e, ok := errors.AsType[*smooch.Error](err)
		require.True(t, ok)
		assert.Equal(t, "POST /webhooks", e.Op)
		assert.ErrorIs(t, err, smooch.ErrBadRequest)
	})
}

// TestEnsureStartsAnew if the webhook that it found is deleted while it waits.
func TestEnsureStartsAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		hooks := s.client(smooch.V1_1).Webhooks
		old, err := hooks.Create(t.Context(), hookSettings)
		require.NoError(t, err)
		time.AfterFunc(time.Second, func() { assert.NoError(t, hooks.Delete(t.Context(), old.ID)) })
		hook, err := hooks.Ensure(t.Context(), hookSettings)
		require.NoError(t, err)
		assert.NotEqual(t, old.ID, hook.ID)
		assert.Equal(t, []string{"POST /webhooks", "GET /webhooks", "DELETE /webhooks/" + old.ID,
			"GET /webhooks", "POST /webhooks", "GET /webhooks", "GET /webhooks"}, s.taken())
		assert.Equal(t, []smooch.Webhook{*hook}, s.hooks(t))
	})
}

func TestEnsureEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		hook, err := s.client(smooch.V1_1).Webhooks.Ensure(ctx, hookSettings)
		assert.Nil(t, hook)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))

		s.Fail(smoochtest.Fault{Method: "POST", Cut: smoochtest.CutBefore})
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		other := hookSettings
		other.Target += "/other"
		_, err = s.client(smooch.V1_1).Webhooks.Ensure(ctx, other)
		assert.ErrorIs(t, err, smooch.ErrOutcomeUnknown)

		s.Fail(smoochtest.Fault{Method: "POST", Cut: smoochtest.CutBefore})
		s.delay = func() time.Duration { return 300 * time.Millisecond } // it ends during the create
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = s.client(smooch.V1_1).Webhooks.Ensure(ctx, other)
		assert.ErrorIs(t, err, smooch.ErrOutcomeUnknown)
		time.Sleep(time.Second)
	})
}

func TestEnsurePassesOptionsOn(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		hooks := s.client(smooch.V1_1).Webhooks
		var response smooch.Response
		opts := []smooch.CallOption{smooch.WithHeader("X-Trace", "7"), smooch.WithField("includeClient", true), smooch.WithResponse(&response)}
		for _, last := range []string{"GET", "PUT"} { // whether the field differs is not known
			_, err := hooks.Ensure(t.Context(), hookSettings, opts...)
			require.NoError(t, err)
			assert.Equal(t, 200, response.StatusCode)
			requests := s.Requests()
			assert.Equal(t, last, requests[len(requests)-1].Method)
		}
		for _, r := range s.Requests() {
			assert.Equal(t, "7", r.Header.Get("X-Trace"))
			assert.Equal(t, r.Method != "GET", strings.Contains(string(r.Body), `"includeClient":true`))
		}
	})
}

func TestEnsureRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, s *hookServer) {
		hooks := s.client(smooch.V1_1).Webhooks
		for name, ensure := range map[string]func() (*smooch.Webhook, error){
			"target": func() (*smooch.Webhook, error) {
				return hooks.Ensure(t.Context(), smooch.WebhookCreate{Triggers: hookSettings.Triggers})
			},
			"triggers": func() (*smooch.Webhook, error) {
				return hooks.Ensure(t.Context(), smooch.WebhookCreate{Target: hookTarget})
			},
			"send token": func() (*smooch.Webhook, error) {
				return hooks.Ensure(t.Context(), hookSettings, smooch.WithSendToken("4711"))
			},
			"context": func() (*smooch.Webhook, error) {
				return hooks.Ensure(nil, hookSettings) //nolint:staticcheck // a mistake that must not panic
			},
		} {
			hook, err := ensure()
			assert.Nil(t, hook)
			assert.ErrorIs(t, err, smooch.ErrInvalidArgument)
			assert.ErrorContains(t, err, name)
		}
		assert.Empty(t, s.taken())
	})
}
