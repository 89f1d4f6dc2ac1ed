package smoochtest

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

var attachmentRoutes = []route{
	{"POST", "/attachments", inApp, v1AndV11, forApp, uploadAttachment},
	{"POST", "/attachments/remove", inApp, v1AndV11, forApp, deleteAttachment},
	{"POST", "/attachments/token", inApp, v11Only, forApp, createMediaTokens},
	{"GET", "/attachments/cookie", inApp, v11Only, forMediaToken, setMediaCookie},
}

const mediaTokenLife = 2 * time.Hour

// mediaCookie is the name of the cookie that has a media token.
const mediaCookie = "media-token"

// attachment is a file that the server has under a URL.
type attachment struct {
	app     *app
	file    *file
	user    *user     // in whose conversation it is, and with which it is deleted; nil for none
	private bool      // only a media token opens it
	at      time.Time // differs from that of any other
}

// mediaToken opens private attachments.
type mediaToken struct {
	app          *app
	conversation string // id of the only one whose attachments it opens; "" for those of the app
	expires      time.Time
}

// opens reports whether the token opens an attachment at a time.
func (t mediaToken) opens(m attachment, at time.Time) bool {
	if t.app != m.app || !at.Before(t.expires) {
		return false
	}
	inConversation := m.user != nil && m.user.conversation != nil && m.user.conversation.id == t.conversation
	return t.conversation == "" || inConversation
}

// addAttachment stores a file and returns its URL.
func addAttachment(m attachment) (mediaURL string) {
	id := m.app.server.random.id()
	m.at = m.app.server.clock.unique()
	m.app.server.attachments[id] = m
	m.app.server.trimMedia(int64(len(m.file.data)))
	return m.app.server.URL + "/media/" + id
}

// deleteAttachmentsOf deletes the files of a user's conversation.
func deleteAttachmentsOf(a *app, u *user) {
	maps.DeleteFunc(a.server.attachments, func(_ string, m attachment) bool { return m.app == a && m.user == u })
}

// serveAttachment answers with the file itself. Whoever asks for a private one needs a media token,
// as a credential or as a cookie.
func serveAttachment(s *Server, r *http.Request, id string) *reply {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return methodNotAllowed()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, found := s.attachments[id]
	if !found {
		return notFound("Media")
	}
	if m.private {
		_, token, given := strings.Cut(r.Header.Get("Authorization"), " ")
		if cookie, err := r.Cookie(mediaCookie); !given && err == nil {
			token, given = cookie.Value, true
		}
		switch t, known := s.mediaTokens[token]; {
		case !given, !known, !s.clock.now().Before(t.expires):
			return unauthorized()
		case !t.opens(m, s.clock.now()):
			return forbidden()
		}
	}
	return m.file.reply()
}

// getMedia answers with a file, also a private one: who may use the controls may see everything.
func getMedia(c *control) *reply {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	m, found := c.server.attachments[c.params["id"]]
	if !found {
		return notFound("Media")
	}
	return m.file.reply()
}

// reply answers with the file itself.
func (f *file) reply() *reply {
	header := http.Header{"Content-Type": {f.mediaType}, "X-Content-Type-Options": {"nosniff"}}
	header.Set("Content-Security-Policy", "sandbox") // an HTML file must not act as the page
	return &reply{status: 200, header: header, body: f.data}
}

func uploadAttachment(c *call) *reply {
	access := c.query("access")
	switch {
	case access != "public" && access != "private":
		return badRequest("access must be public or private")
	case c.file == nil:
		return badRequest("source is required")
	case c.query("for") != "" && c.query("appUserId") == "" && c.query("userId") == "":
		return badRequest("appUserId or userId is required with for")
	}
	m := attachment{app: c.app, file: c.file, private: access == "private"}
	if c.query("for") != "" {
		if m.user = c.app.user(cmp.Or(c.query("appUserId"), c.query("userId"))); m.user == nil {
			return notFound("App user")
		}
	}
	if mediaType := c.text("type"); mediaType != "" {
		c.file.mediaType = mediaType
	}
	return created(object{"mediaUrl": addAttachment(m), "mediaType": c.file.mediaType})
}

func deleteAttachment(c *call) *reply {
	if refusal := c.require("mediaUrl"); refusal != nil {
		return refusal
	}
	u, err := url.Parse(c.text("mediaUrl"))
	if err != nil {
		return badRequest("mediaUrl is no URL")
	}
	id := strings.TrimPrefix(u.Path, "/media/")
	if m, found := c.server.attachments[id]; !found || m.app != c.app {
		return notFound("Attachment")
	}
	delete(c.server.attachments, id)
	return ok(object{})
}

func createMediaTokens(c *call) *reply {
	paths, _ := c.body["paths"].([]any)
	if len(paths) == 0 {
		return badRequest("paths is required")
	}
	tokens := object{}
	for _, path := range paths {
		text, isText := path.(string)
		if !isText {
			return badRequest("paths must be strings")
		}
		t := mediaToken{app: c.app, expires: c.server.clock.now().Add(mediaTokenLife)}
		switch segments := strings.Split(strings.Trim(text, "/"), "/"); {
		case len(segments) < 2 || segments[0] != "apps":
			return badRequest("paths must begin with /apps/{appId}")
		case segments[1] != c.app.id:
			return forbidden()
		case len(segments) == 4 && segments[2] == "conversations":
			t.conversation = segments[3]
		case len(segments) != 2:
			return badRequest("paths must be of an app or a conversation")
		}
		token := c.server.random.hex(40)
		c.server.mediaTokens[token] = t
		tokens[text] = token
	}
	return ok(object{"tokens": tokens})
}

func setMediaCookie(c *call) *reply {
	cookie := http.Cookie{
		Name: mediaCookie, Value: c.bearerToken(), Path: "/", HttpOnly: true,
		Expires: c.server.mediaTokens[c.bearerToken()].expires,
	}
	answer := ok(object{})
	answer.header.Set("Set-Cookie", cookie.String())
	return answer
}
