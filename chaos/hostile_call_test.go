package chaos

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/smooch/smooch-go"
)

// callHostile is the role of a process that calls a hostile server: first with a timeout for each
// attempt, then with nothing but a context.
func callHostile(args json.RawMessage, out *json.Encoder) error {
	var call hostileCall
	if err := json.Unmarshal(args, &call); err != nil {
		return err
	}
	time.AfterFunc(5*(2*call.Limits.Timeout+call.Limits.Context), func() {
		fmt.Fprintln(os.Stderr, "a call did not return")
		os.Exit(1)
	})
	var r hostileResult
	var w watcher
	bounded := []smooch.Option{
		smooch.WithTimeout(call.Limits.Timeout),
		smooch.WithRetryPolicy(smooch.RetryPolicy{MaxAttempts: 2, MinDelay: time.Millisecond}),
	}
	classes := map[string]string{}
	for _, name := range []string{"read", "post"} {
		debug.FreeOSMemory() // what the call before has left is not counted
		client, err := call.client(&w, bounded...)
		if err != nil {
			return err
		}
		began := time.Now()
		result, err := calls[name](context.Background(), client)
		r.Took = max(r.Took, time.Since(began))
		if err == nil && call.Twice {
			result, err = calls[name](context.Background(), client)
		}
		w.returned(result)
		classes[name] = w.class(err)
		r.Texts = append(r.Texts, fmt.Sprint(err))
	}
	r.Read, r.Post = classes["read"], classes["post"]
	for _, name := range []string{"read", "post", "upload"} {
		if call.Limits.Context == 0 {
			break
		}
		debug.FreeOSMemory()
		client, err := call.client(&w)
		if err != nil {
			return err
		}
		var result any
		late, err := overrun(call.Limits.Context, func(ctx context.Context) error {
			result, err = calls[name](ctx, client)
			return err
		})
		w.returned(result)
		if late > r.Overrun {
			r.Overrun, r.OverrunCall = late, name
		}
		w.class(err)
		r.Texts = append(r.Texts, fmt.Sprint(err))
	}
	r.Peak, r.Leaks = peakMemory(), w.leaks()
	return out.Encode(r)
}

// client returns a client of the server whose log is watched.
func (c hostileCall) client(w *watcher, opts ...smooch.Option) (*smooch.Client, error) {
	signer := smooch.AppJWT(markedKeyID, markedSecret)
	if err := w.watchToken(signer); err != nil {
		return nil, err
	}
	opts = append(opts, smooch.WithBaseURL(c.URL), smooch.WithLogger(w.logger()))
	if c.CA != nil {
		ca, err := x509.ParseCertificate(c.CA)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		pool.AddCert(ca)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
		opts = append(opts, smooch.WithHTTPClient(&http.Client{Transport: transport}))
	}
	client, err := smooch.NewClient(signer, opts...)
	if err != nil {
		return nil, err
	}
	w.returned(client)
	return client.ForApp("a1"), nil
}

var errStale = errors.New("the answer to an earlier request")

// calls are what is called. Each is marked with secrets.
var calls = map[string]func(context.Context, *smooch.Client) (any, error){
	"read": func(ctx context.Context, client *smooch.Client) (any, error) {
		user, err := client.AppUsers.Get(ctx, markedUser, smooch.WithQuery("q", markedQuery))
		if err == nil && user.ID == "stale" {
			err = errStale
		}
		return user, err
	},
	"post": func(ctx context.Context, client *smooch.Client) (any, error) {
		message := smooch.TextMessage(markedText)
		message.Metadata = map[string]any{"note": markedMetadata}
		answer, err := client.Conversations.PostMessage(ctx, markedUser, message)
		if err == nil && answer.Message.ID == "stale" {
			err = errStale
		}
		return answer, err
	},
	"upload": func(ctx context.Context, client *smooch.Client) (any, error) {
		file := smooch.Upload{Source: bytes.NewReader(make([]byte, 1<<20)), Filename: "a.png"}
		return client.Attachments.Upload(ctx, file, smooch.AttachmentOptions{})
	},
}

// overrun makes a call with a context that ends after limit, and returns how much later than that
// it returned. A busy machine delays everything, so the best of three tries counts.
func overrun(limit time.Duration, call func(context.Context) error) (late time.Duration, err error) {
	for try := range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		end, _ := ctx.Deadline()
		err = call(ctx)
		now := max(time.Since(end), 0)
		cancel()
		if try == 0 || now < late {
			late = now
		}
		if late <= mostOverrun {
			break
		}
	}
	return late, err
}

// classOf returns what kind of error a call returned.
func classOf(err error) string {
	e, answered := errors.AsType[*smooch.Error](err)
	_, unreadable := errors.AsType[*smooch.DecodeError](err)
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, errStale):
		return "stale"
	case errors.Is(err, smooch.ErrOutcomeUnknown):
		return "unknown"
	case errors.Is(err, smooch.ErrResponseTooLarge):
		return "too large"
	case unreadable:
		return "unreadable"
	case answered:
		return fmt.Sprint(e.StatusCode)
	}
	return "failed"
}
