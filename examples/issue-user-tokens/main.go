// Command issue-user-tokens is the backend of a web site whose logged-in users talk to a business
// over Smooch. An endpoint signs a JWT for the user of the session, and the page, page.html, uses
// it to read and write that user's conversation. The secret of the app's key stays in the backend.
//
//	go run ./examples/issue-user-tokens
//
// By default it starts a fake Smooch service in this process, plays the browser of a user, and
// ends. On a smooch-sandbox, or with the key of an app, it serves the page until it is interrupted:
//
//	go run ./examples/issue-user-tokens -sandbox http://127.0.0.1:8800
//
//	SMOOCH_KEY_ID      the id of the key
//	SMOOCH_KEY_SECRET  the secret of the key
//	SMOOCH_BASE_URL    another address of the service, such as https://api.eu-1.smooch.io
//
// The sessions stand for those of your own web site: whoever gives a name is logged in under it.
// The part to take over is [backend.issueToken]: the user comes from the session and never from the
// request, only pages of this site can call the endpoint, and no cache keeps the answer.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed" // for the page
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/examples/internal/service"
)

// tokenTTL is for how long a token is valid, also after the user has logged out.
const tokenTTL = 15 * time.Minute

//go:embed page.html
var page []byte

func main() {
	sandbox := flag.String("sandbox", "", "address of a smooch-sandbox, such as http://127.0.0.1:8800")
	listen := flag.String("listen", "127.0.0.1:8090", "address to serve the page at")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *sandbox, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "issue-user-tokens:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sandbox, listen string) error {
	s, err := service.ForApp(ctx, sandbox)
	if err != nil {
		return err
	}
	defer s.Close()
	b, err := newBackend(s)
	if err != nil {
		return err
	}
	if s.Fake != nil {
		listen = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: b.handler()}
	defer server.Close()
	go func() { _ = server.Serve(listener) }() // returns when the server is closed
	site := "http://" + listener.Addr().String()
	if s.Fake != nil {
		return visit(ctx, site)
	}
	fmt.Println("The page is at", site, "until you press Ctrl-C.")
	<-ctx.Done()
	return nil
}

// backend is the server of the web site.
type backend struct {
	app           *smooch.Client
	keyID, secret string // of the app
	serviceURL    string // for the page

	mu       sync.Mutex
	sessions map[string]string // user ids by the values of the cookie
}

func newBackend(s *service.Service) (*backend, error) {
	app, err := smooch.NewClient(smooch.AppJWT(s.KeyID, s.Secret), s.Options()...)
	return &backend{
		app: app, keyID: s.KeyID, secret: s.Secret, sessions: map[string]string{},
		serviceURL: strings.TrimSuffix(cmp.Or(s.BaseURL, "https://api.smooch.io"), "/"),
	}, err
}

func (b *backend) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	mux.HandleFunc("POST /login", b.login)
	mux.HandleFunc("POST /smooch-token", b.issueToken)
	return http.NewCrossOriginProtection().Handler(mux) // refuses POSTs of other sites' pages
}

// tokenResponse is what the page gets.
type tokenResponse struct {
	UserID     string    `json:"userId"`
	Token      string    `json:"token"`
	ExpiresAt  time.Time `json:"expiresAt"`
	ServiceURL string    `json:"serviceUrl"`
}

// issueToken signs a token for the user of the session.
func (b *backend) issueToken(w http.ResponseWriter, r *http.Request) {
	userID, ok := b.userOf(r)
	if !ok {
		http.Error(w, "not logged in", http.StatusUnauthorized)
		return
	}
	token, err := smooch.AppUserJWT(b.keyID, b.secret, userID).TokenFor(tokenTTL)
	if err != nil {
		fmt.Fprintln(os.Stderr, "signing a token:", err)
		http.Error(w, "no token", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(tokenResponse{userID, token, time.Now().Add(tokenTTL), b.serviceURL})
}

const cookieName = "session"

// userOf returns the id of the user who is logged in.
func (b *backend) userOf(r *http.Request) (userID string, ok bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return "", false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	userID, ok = b.sessions[cookie.Value]
	return userID, ok
}

// login begins a session. Your own has a password, and a cookie that is Secure.
func (b *backend) login(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.PostFormValue("name"))
	if name == "" || len(name) > 100 {
		http.Error(w, "Please give a name.", http.StatusBadRequest)
		return
	}
	userID := "web-" + name
	if err := b.ensureUser(r.Context(), userID, name); err != nil {
		fmt.Fprintln(os.Stderr, "creating a user:", err)
		http.Error(w, "Please try again.", http.StatusBadGateway)
		return
	}
	session := rand.Text()
	b.mu.Lock()
	b.sessions[session] = userID
	b.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	w.WriteHeader(http.StatusNoContent)
}

// ensureUser creates the app user if there is none, as a token does not create its user.
func (b *backend) ensureUser(ctx context.Context, userID, name string) error {
	_, err := b.app.AppUsers.Get(ctx, userID)
	if !errors.Is(err, smooch.ErrNotFound) {
		return err
	}
	_, err = b.app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: userID, GivenName: name})
	if errors.Is(err, smooch.ErrConflict) { // another login was faster
		return nil
	}
	return err
}

// visit does what the page does in the browser of a user.
func visit(ctx context.Context, site string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar}
	var issued tokenResponse
	for _, step := range []struct{ path, form string }{
		{"/smooch-token", ""},
		{"/login", url.Values{"name": {"Ida"}}.Encode()},
		{"/smooch-token", ""},
	} {
		status, err := post(ctx, browser, site+step.path, step.form, &issued)
		if err != nil {
			return err
		}
		fmt.Printf("POST %-14s %d\n", step.path, status)
	}
	if issued.Token == "" {
		return errors.New("there was no token")
	}
	fmt.Printf("The token is for %s, until %s.\n", issued.UserID, issued.ExpiresAt.Format(time.TimeOnly))
	user, err := smooch.NewClient(smooch.BearerToken(issued.Token), smooch.WithBaseURL(issued.ServiceURL))
	if err != nil {
		return err
	}
	answer, err := user.Conversations.PostMessage(ctx, issued.UserID, smooch.TextMessage("Is my parcel on its way?"))
	if err != nil {
		return err
	}
	fmt.Printf("Posted as %s: %q\n", answer.Message.Role, answer.Message.Text)
	_, err = user.AppUsers.Get(ctx, "web-Bob")
	if err == nil || errors.Is(err, smooch.ErrOutcomeUnknown) {
		return errors.New("the token was not refused for another user")
	}
	fmt.Println("For another user it is refused:", err)
	return nil
}

// post posts a form, and decodes an answer that is JSON.
func post(ctx context.Context, browser *http.Client, address, form string, out any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := browser.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") == "application/json" {
		err = json.NewDecoder(resp.Body).Decode(out)
	}
	return resp.StatusCode, err
}
