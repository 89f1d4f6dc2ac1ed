package smoochtest

import (
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

// attachment is a file that the server has under a URL.
type attachment struct {
	app  *app
	file *file
	at   time.Time // differs from that of any other
}

// addAttachment stores a file and returns its URL.
func addAttachment(a *app, f *file) (mediaURL string) {
	id := newID()
	a.server.attachments[id] = attachment{a, f, a.server.clock.unique()}
	a.server.trimMedia(int64(len(f.data)))
	return a.server.URL + "/media/" + id
}

// serveAttachment answers with the file itself, whoever asks for it.
func serveAttachment(s *Server, id string) *reply {
	s.mu.Lock()
	m, found := s.attachments[id]
	s.mu.Unlock()
	if !found {
		return notFound("Media")
	}
	return &reply{200, http.Header{"Content-Type": {m.file.mediaType}}, m.file.data}
}

func uploadAttachment(c *call) *reply {
	access := c.query("access")
	switch {
	case access != "public" && access != "private":
		return badRequest("access must be public or private")
	case c.file == nil:
		return badRequest("source is required")
	case c.query("for") != "" && c.query("appUserId") == "" && c.query("userId") == "":
		return badRequest("for needs appUserId or userId")
	}
	if mediaType := c.text("type"); mediaType != "" {
		c.file.mediaType = mediaType
	}
	return created(object{"mediaUrl": addAttachment(c.app, c.file), "mediaType": c.file.mediaType})
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
		token := randomHex(40)
		c.server.mediaTokens[token] = c.server.clock.now().Add(mediaTokenLife)
		tokens[text] = token
	}
	return ok(object{"tokens": tokens})
}

func setMediaCookie(c *call) *reply {
	cookie := http.Cookie{
		Name: "media-token", Value: randomHex(40), HttpOnly: true,
		Expires: c.server.clock.now().Add(mediaTokenLife),
	}
	answer := ok(object{})
	answer.header.Set("Set-Cookie", cookie.String())
	return answer
}
