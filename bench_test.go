package smooch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newDiscardServer(b *testing.B) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		reply(201, `{"mediaUrl":"https://m.test/x","mediaType":"application/zip"}`)(w, r)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

const benchUser = `{"appUser":{"_id":"deb920657bbc3adc3fec7963","userId":"steveb@channel5.com","givenName":"Steve","surname":"Brule","email":"steveb@channel5.com","signedUpAt":"2015-10-08T23:52:11.677Z","properties":{"favoriteFood":"prizza","visits":12},"conversationStarted":true,"clients":[{"id":"03f70682b7f5b21536a3674f38b3e220","platform":"ios","active":true,"lastSeen":"2017-02-03T04:05:06.789Z","displayName":"Steve","info":{"os":"iPhone OS","carrier":"Acme"}}]}}`

func benchPage() string {
	var messages []string
	for i := range 100 {
		messages = append(messages, fmt.Sprintf(`{"_id":"55c8c1498590aa1900b9%04d","type":"text","role":"appUser","authorId":"c7f6e6d6c3a637261bd9656f","name":"Steve","text":"%s","received":1439220041.%03d,"source":{"type":"web"},"actions":[{"_id":"x","type":"reply","text":"Yes","payload":"YES"}],"metadata":{"a":"b"}}`, i, strings.Repeat("vinegar ", 20), i))
	}
	return `{"conversation":{"_id":"c","unreadCount":0},"messages":[` + strings.Join(messages, ",") + `]}`
}

// inMemory answers without a network, so that what is measured is the client alone.
func inMemory(body string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		resp := answer(200, body)
		resp.Request = r
		return resp, nil
	}
}

func bareCall(b *testing.B, hc *http.Client, method, url string, in, out any) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		require.NoError(b, err)
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(b.Context(), method, url, body)
	require.NoError(b, err)
	req.Header.Set("Authorization", "Bearer token")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "bare")
	req.Header.Set("Content-Type", "application/json")
	resp, err := hc.Do(req)
	require.NoError(b, err)
	defer resp.Body.Close()
	require.NoError(b, json.NewDecoder(resp.Body).Decode(out))
}

// BenchmarkCall compares a call with what net/http and encoding/json take for the same request and
// the same types, over loopback and without a network.
func BenchmarkCall(b *testing.B) {
	bodies := map[string]string{"GET": benchUser, "POST": `{"message":{"_id":"1","type":"text","role":"appMaker","text":"hi","received":1439220041.586},"conversation":{"_id":"c","unreadCount":1}}`, "page": benchPage()}
	for _, name := range []string{"GET", "POST", "page"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, bodies[name])
		}))
		defer server.Close()
		transports := map[string]http.RoundTripper{"loopback": newTransport(), "memory": inMemory(bodies[name])}
		for _, where := range []string{"loopback", "memory"} {
			hc := &http.Client{Transport: transports[where]}
			b.Run(name+"/"+where+"/bare", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					switch name {
					case "GET":
						bareCall(b, hc, "GET", server.URL+"/v1.1/apps/a1/appusers/u", nil, &struct{ AppUser AppUser }{})
					case "POST":
						bareCall(b, hc, "POST", server.URL+"/v1.1/apps/a1/appusers/u/messages", map[string]string{"role": "appMaker", "type": "text", "text": "hi"}, &MessageResponse{})
					case "page":
						bareCall(b, hc, "GET", server.URL+"/v1.1/apps/a1/appusers/u/messages", nil, &MessagePage{})
					}
				}
			})
			client, err := NewClient(AppJWT("k", "s"), WithBaseURL(server.URL), WithHTTPClient(hc), WithApp("a1"))
			require.NoError(b, err)
			b.Run(name+"/"+where+"/smooch", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var err error
					switch name {
					case "GET":
						_, err = client.AppUsers.Get(b.Context(), "u")
					case "POST":
						_, err = client.Conversations.PostMessage(b.Context(), "u", TextMessage("hi"))
					case "page":
						_, err = client.Conversations.ListMessages(b.Context(), "u", MessageListOptions{})
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkDecode compares the decoding of responses with what encoding/json takes for the same
// types.
func BenchmarkDecode(b *testing.B) {
	bodies := map[string]string{"user": benchUser, "page": benchPage()}
	for _, name := range []string{"user", "page"} {
		body := []byte(bodies[name])
		b.Run(name+"/bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var out any = new(MessagePage)
				if name == "user" {
					out = &struct{ AppUser AppUser }{}
				}
				if err := json.Unmarshal(body, out); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/smooch", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, out := &request{operation: opMessagesList}, any(new(MessagePage))
				if name == "user" {
					r, out = &request{operation: opAppUsersGet}, new(AppUser)
				}
				if err := decodeBody(r, body, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBurst makes 64 calls at once, again and again, and reports how many connections each
// call takes.
func BenchmarkBurst(b *testing.B) {
	connections := 0
	server := httptest.NewUnstartedServer(reply(200, benchUser))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections++
		}
	}
	server.Start()
	defer server.Close()
	client, err := NewClient(AppJWT("k", "s"), WithBaseURL(server.URL))
	require.NoError(b, err)
	n := 0
	for b.Loop() {
		failed := make(chan error, 64)
		for range 64 {
			go func() {
				_, err := client.AppUsers.Get(b.Context(), "u")
				failed <- err
			}()
		}
		for range 64 {
			require.NoError(b, <-failed)
		}
		n += 64
	}
	b.ReportMetric(float64(connections)/float64(n), "dials/call")
}

func BenchmarkSign(b *testing.B) {
	s := AppJWT("key", "secret")
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.Token()
		}
	})
	b.Run("fresh", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.TokenFor(time.Hour)
		}
	})
}

// TestUploadChild is what BenchmarkUploadMemory runs in a process of its own: it uploads as many
// bytes as the environment says and prints the peak memory of the process in KiB.
func TestUploadChild(t *testing.T) {
	url := os.Getenv("SMOOCH_UPLOAD_TO")
	if url == "" {
		t.Skip("for BenchmarkUploadMemory")
	}
	var size int64
	_, err := fmt.Sscan(os.Getenv("SMOOCH_UPLOAD_SIZE"), &size)
	require.NoError(t, err)
	c := newTestClient(t, url, AppJWT("k", "s"))
	_, err = c.Attachments.Upload(t.Context(), Upload{Source: onlyReader{io.LimitReader(zeros{}, size)}, Filename: "a.zip"}, AttachmentOptions{})
	require.NoError(t, err)
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	fmt.Printf("peak %d\n", usage.Maxrss)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// BenchmarkUploadMemory reports by how much an upload of 1 GiB raises the peak memory of a fresh
// process above that of a small upload.
func BenchmarkUploadMemory(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("Maxrss has other units elsewhere")
	}
	server := newDiscardServer(b)
	peak := func(size int64) int64 {
		cmd := osexec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestUploadChild$", "-test.v")
		cmd.Env = append(os.Environ(), "SMOOCH_UPLOAD_TO="+server, fmt.Sprint("SMOOCH_UPLOAD_SIZE=", size))
		out, err := cmd.CombinedOutput()
		require.NoError(b, err, "%s", out)
		var kib int64
		_, after, _ := strings.Cut(string(out), "peak ")
		_, err = fmt.Sscan(after, &kib)
		require.NoError(b, err, "%s", out)
		return kib
	}
	for b.Loop() {
		small := peak(1 << 10)
		b.ReportMetric(float64(peak(1<<30)-small)/1024, "MiB-above")
	}
}
