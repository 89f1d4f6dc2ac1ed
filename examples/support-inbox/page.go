package main

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smooch/smooch-go"
)

//go:embed page.html page.css page.js icon.svg
var files embed.FS

const (
	pageSize  = 50       // messages
	maxUpload = 64 << 20 // bytes; the service's own limit may be lower
)

// site is the web page.
type site struct {
	inbox    *inbox
	media    string // the origin of the service, "" for the real one
	template *template.Template
	patience time.Duration // for how long an agent waits until an answer is sent

	mu      sync.Mutex
	sending map[string]*sending // by the nonce of the form
}

// sending is an answer that is being sent, or was within the last hour.
type sending struct {
	sync.Mutex
	done bool
}

func newSite(in *inbox, baseURL string) *site {
	s := &site{inbox: in, patience: 20 * time.Second, sending: map[string]*sending{}}
	if u, err := url.Parse(baseURL); err == nil && u.Host != "" {
		s.media = u.Scheme + "://" + u.Host
	}
	s.template = template.Must(template.New("page.html").Funcs(template.FuncMap{
		"attachment": s.attachment, "name": name, "channels": channels, "path": url.PathEscape,
	}).ParseFS(files, "page.html"))
	return s
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.show(w, r, form{}) })
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { s.show(w, r, form{}) })
	mux.HandleFunc("POST /users/{id}", s.answer)
	mux.HandleFunc("GET /changes", s.changes)
	for _, name := range []string{"page.css", "page.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, name) })
	}
	policy := "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; " +
		"base-uri 'none'; frame-ancestors 'none'; img-src 'self' https://*.smooch.io " + s.media
	guarded := http.NewCrossOriginProtection().Handler(mux) // refuses POSTs of other sites' pages
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A name of somebody else's could be made to lead here, and its pages would then be of this site.
		host := (&url.URL{Host: r.Host}).Hostname()
		if net.ParseIP(host) == nil && host != "localhost" {
			http.Error(w, "this host name is not served", http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin")
		w.Header().Set("Cache-Control", "no-store")
		guarded.ServeHTTP(w, r)
	})
}

// form is an answer that the agent writes. It goes to the browser and comes back with the browser,
// so that a restart of the inbox loses nothing.
type form struct {
	Text       string
	Buttons    []button
	Attachment smooch.Attachment // once it is uploaded
	File       string            // its name
	Nonce      string            // makes the send token
	Since      int64             // Unix milliseconds, when the agent got the form
	Unknown    bool              // it may have been sent

	Problem string
	status  int
}

// button is one that the agent adds. The zero value is none.
type button struct{ Kind, Label, Value string }

func (s *site) answer(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	if err := r.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		http.Error(w, "The form cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	f := form{
		Text:       strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("text"), "\r\n", "\n")),
		Attachment: smooch.Attachment{MediaURL: r.PostFormValue("media"), MediaType: r.PostFormValue("type")},
		File:       r.PostFormValue("name"), Nonce: r.PostFormValue("nonce"), Unknown: r.PostFormValue("unknown") != "",
	}
	f.Since, _ = strconv.ParseInt(r.PostFormValue("since"), 10, 64)
	for i, label := range r.PostForm["label"] {
		b := button{Label: strings.TrimSpace(label)}
		if i < len(r.PostForm["kind"]) && i < len(r.PostForm["value"]) {
			b.Kind, b.Value = r.PostForm["kind"][i], strings.TrimSpace(r.PostForm["value"][i])
		}
		f.Buttons = append(f.Buttons, b)
	}
	file, header, err := r.FormFile("file")
	if err != nil { // none
		file, header = nil, nil
	}
	// A browser that sends the form again breaks off the first request, but not what it does.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), s.patience)
	defer cancel()
	c, known := s.inbox.get(r.PathValue("id"))
	if !known {
		http.Error(w, errUnknown.Error(), http.StatusNotFound)
		return
	}
	if err := s.send(ctx, c.user.ID, &f, file, header); err != nil {
		f.explain(err)
		s.show(w, r, f)
		return
	}
	http.Redirect(w, r, r.URL.EscapedPath(), http.StatusSeeOther)
}

// send sends an answer once, however often its form is sent: at the same time, later, or to another
// process after a restart. The nonce of the form is the send token, and what was sent since the
// agent got the form is looked for first.
func (s *site) send(ctx context.Context, userID string, f *form, file multipart.File, header *multipart.FileHeader) error {
	message, err := f.message()
	if err == nil && f.Text == "" && message.Actions == nil && f.Attachment.MediaURL == "" && file == nil {
		err = errors.New("write something, or choose a file")
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	once := s.sending[f.Nonce]
	if once == nil {
		once = &sending{}
		s.sending[f.Nonce] = once
		time.AfterFunc(time.Hour, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.sending, f.Nonce)
		})
	}
	s.mu.Unlock()
	once.Lock()
	defer once.Unlock()
	if once.done {
		return nil
	}
	if file != nil {
		uploaded, err := s.inbox.app.Attachments.Upload(ctx, smooch.Upload{
			Source: file, Filename: header.Filename, ContentType: header.Header.Get("Content-Type"), Size: header.Size,
		}, smooch.AttachmentOptions{})
		if err != nil {
			return fmt.Errorf("%s was not uploaded, please choose it again: %w", header.Filename, err)
		}
		f.Attachment, f.File = *uploaded, header.Filename
		message, _ = f.message()
	}
	_, err = s.inbox.app.Conversations.PostMessage(ctx, userID, message,
		smooch.WithSendToken(f.Nonce), smooch.WithSentSince(time.UnixMilli(f.Since)))
	if _, carriedOut := errors.AsType[*smooch.DecodeError](err); carriedOut {
		err = nil // only the answer was unreadable
	}
	f.Unknown = err != nil && (f.Unknown || errors.Is(err, smooch.ErrOutcomeUnknown))
	once.done = err == nil
	return err
}

// message returns the message to post.
func (f *form) message() (smooch.MessagePost, error) {
	m := smooch.TextMessage(f.Text)
	if f.Attachment.MediaURL != "" {
		m = smooch.FileMessage(f.Attachment.MediaURL)
		if strings.HasPrefix(f.Attachment.MediaType, "image/") {
			m = smooch.ImageMessage(f.Attachment.MediaURL)
		}
		m.Text, m.AltText = f.Text, f.File
	}
	for _, b := range f.Buttons {
		switch {
		case b.Label == "" && b.Value == "":
		case b.Label == "":
			return m, errors.New("a button has no label")
		case b.Kind == "link" && !isWebURL(b.Value):
			return m, fmt.Errorf("the button %q needs an address that begins with https://", b.Label)
		case b.Kind == "link":
			m.Actions = append(m.Actions, smooch.LinkAction(b.Label, b.Value))
		case b.Kind == "postback":
			m.Actions = append(m.Actions, smooch.PostbackAction(b.Label, cmp.Or(b.Value, b.Label)))
		default:
			m.Actions = append(m.Actions, smooch.ReplyAction(b.Label, cmp.Or(b.Value, b.Label)))
		}
	}
	return m, nil
}

// explain says what the agent has to know about an answer that was not sent.
func (f *form) explain(err error) {
	text := err.Error()
	if e, answered := errors.AsType[*smooch.Error](err); answered && e.Description != "" {
		text = e.Description
	}
	f.status = http.StatusBadGateway
	switch {
	case f.Unknown:
		f.Problem = "It is not known whether this was sent. Send it again: if it has arrived, it is not sent twice."
	case errors.Is(err, smooch.ErrTooLarge):
		f.Problem = "Not sent: the file is larger than the service allows."
	case errors.Is(err, smooch.ErrRateLimited):
		f.Problem = "Not sent: there are too many calls at the moment. Please send it again."
	case errors.Is(err, context.DeadlineExceeded):
		f.Problem = "Not sent: the service did not answer in time. Please send it again."
	default:
		f.Problem, f.status = "Not sent: "+strings.TrimPrefix(text, "smooch: ")+".", http.StatusUnprocessableEntity
	}
}

// changes tells the browser that something has changed, until it leaves.
func (s *site) changes(w http.ResponseWriter, r *http.Request) {
	changes, stop := s.inbox.watch()
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	alive := time.NewTicker(20 * time.Second)
	defer alive.Stop()
	for line := "retry: 1000\n\n"; ; {
		if _, err := w.Write([]byte(line)); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changes:
			line = "data: changed\n\n"
		case <-alive.C:
			line = ":\n\n"
		}
	}
}

var errUnknown = errors.New("nobody with this id has written")

// show answers with the list, and with the conversation of the user in the path. The script of the
// page asks with Peek while nobody looks at it: then the conversation is not marked as read.
func (s *site) show(w http.ResponseWriter, r *http.Request, f form) {
	v := view{Form: f}
	status := max(f.status, http.StatusOK)
	if id := r.PathValue("id"); id != "" {
		before, _ := strconv.ParseInt(r.FormValue("before"), 10, 64)
		if err := s.read(r, id, before, &v); errors.Is(err, errUnknown) {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		} else if err != nil {
			v.Problem, status = "The conversation cannot be read: "+strings.TrimPrefix(err.Error(), "smooch: "), http.StatusBadGateway
		}
		if f.Nonce == "" {
			v.Form.Nonce, v.Form.Since = smooch.NewSendToken(), time.Now().UnixMilli()
		}
		for len(v.Form.Buttons) < 3 {
			v.Form.Buttons = append(v.Form.Buttons, button{})
		}
	}
	v.Rows, v.Unread = s.inbox.rows(r.PathValue("id"))
	var page bytes.Buffer
	if err := s.template.Execute(&page, v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w)
}

// read reads the conversation of a user, and marks it as read.
func (s *site) read(r *http.Request, userID string, before int64, v *view) error {
	options := smooch.MessageListOptions{}
	if before > 0 {
		options.Before = time.UnixMilli(before)
	}
	c, known := s.inbox.get(userID)
	if !known {
		return errUnknown
	}
	v.User, v.Before = &c.user, before
	var messages []*smooch.Message // newest first
	for m, err := range s.inbox.app.Conversations.Messages(r.Context(), c.user.ID, options) {
		if errors.Is(err, smooch.ErrNotFound) {
			break
		}
		if err != nil {
			return err
		}
		// Messages of one millisecond stay together, as the next page begins before it.
		if n := len(messages); n >= pageSize && !m.Received.Equal(messages[n-1].Received.Time) {
			v.Older = messages[n-1].Received.UnixMilli()
			break
		}
		messages = append(messages, m)
	}
	slices.Reverse(messages)
	v.fill(messages, c)
	if r.Header.Get("Peek") != "" || before > 0 {
		return nil
	}
	return s.inbox.markRead(r.Context(), c)
}

// attachment reports whether a URL is a file of the service, which the page may show.
func (s *site) attachment(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.User == nil && (u.Scheme == "https" && strings.HasSuffix(u.Host, ".smooch.io") ||
		s.media != "" && u.Scheme+"://"+u.Host == s.media)
}

func isWebURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
