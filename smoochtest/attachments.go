package smoochtest

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// keptFile is how much of an upload stays in memory; the rest is only counted.
const keptFile = 16 << 20

// file is an upload.
type file struct {
	name, kind string
	size       int64
	data       []byte
}

// media is an upload that is served.
type media struct {
	app  *app
	file *file
}

// readForm takes in a form: the file under source, and fields before or after it.
func (c *call) readForm(boundary string) *reply {
	reader := multipart.NewReader(c.r.Body, boundary)
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return new(badRequest("malformed form"))
		}
		if part.FormName() != "source" || part.FileName() == "" {
			text, err := io.ReadAll(io.LimitReader(part, 1<<20))
			if err != nil {
				return new(badRequest("malformed form"))
			}
			c.body[part.FormName()] = string(text)
			continue
		}
		if c.file, err = readFile(part, c.cfg.maxUpload); err != nil {
			if errors.Is(err, errTooLarge) {
				return new(fail(413, "request_too_large", "File too large"))
			}
			return new(badRequest("the file breaks off"))
		}
	}
}

var errTooLarge = errors.New("file too large")

func readFile(part *multipart.Part, limit int64) (*file, error) {
	kept := &limitedBuffer{room: keptFile}
	n, err := io.Copy(kept, io.LimitReader(part, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, errTooLarge
	}
	kind := part.Header.Get("Content-Type")
	if kind == "" || kind == "application/octet-stream" {
		kind = http.DetectContentType(kept.Bytes())
	}
	return &file{part.FileName(), kind, n, kept.Bytes()}, nil
}

// keep serves a file and gives its URL.
func (c *call) keep(f *file) string {
	id := newID()
	c.media[id] = media{c.app, f}
	return c.URL + "/media/" + id
}

func (s *Server) serveMedia(id string) reply {
	s.mu.Lock()
	m, found := s.media[id]
	s.mu.Unlock()
	if !found {
		return notFound("Media")
	}
	return reply{200, m.file.data, http.Header{"Content-Type": {m.file.kind}}}
}

func (c *call) uploadAttachment() reply {
	query := c.r.URL.Query()
	switch access := query.Get("access"); {
	case access != "public" && access != "private":
		return badRequest("access must be public or private")
	case c.file == nil:
		return badRequest("source is required")
	case query.Get("for") != "" && query.Get("appUserId") == "" && query.Get("userId") == "":
		return badRequest("for needs appUserId or userId")
	}
	if kind := c.text("type"); kind != "" {
		c.file.kind = kind
	}
	return created(object{"mediaUrl": c.keep(c.file), "mediaType": c.file.kind})
}

func (c *call) removeAttachment() reply {
	if answer := c.missing("mediaUrl"); answer != nil {
		return *answer
	}
	u, err := url.Parse(c.text("mediaUrl"))
	if err != nil {
		return badRequest("mediaUrl is no URL")
	}
	id := strings.TrimPrefix(u.Path, "/media/")
	if m, found := c.media[id]; !found || m.app != c.app {
		return notFound("Attachment")
	}
	delete(c.media, id)
	return ok(object{})
}

func (c *call) mediaTokens() reply {
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
		token := newSecret(40)
		c.cookies[token] = c.now().Add(2 * time.Hour)
		tokens[text] = token
	}
	return ok(object{"tokens": tokens})
}

func (c *call) setCookie() reply {
	cookie := http.Cookie{Name: "media-token", Value: newSecret(40), HttpOnly: true, Expires: c.now().Add(2 * time.Hour)}
	return reply{200, object{}, http.Header{"Set-Cookie": {cookie.String()}}}
}

func (c *call) notify() reply {
	destination, _ := c.body["destination"].(object)
	author, _ := c.body["author"].(object)
	message, given := c.body["message"].(object)
	switch {
	case destination["integrationId"] == nil || destination["destinationId"] == nil:
		return badRequest("destination needs integrationId and destinationId")
	case author["role"] != "appMaker":
		return badRequest("author.role must be appMaker")
	case !given:
		return badRequest("message is required")
	}
	if c.body["messageSchema"] != "whatsapp" {
		kind, _ := message["type"].(string)
		if answer := checkContent(message, kind); answer != nil {
			return *answer
		}
	}
	id := newID()
	at := c.tick()
	c.emit(c.app, event{trigger: "notification:delivery:channel", fields: func(string) object {
		return object{"notification": object{"_id": id}, "destination": destination, "isFinalEvent": true, "timestamp": unixTime(at)}
	}})
	return created(object{"notification": object{"_id": id}})
}
