package smoochtest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

const (
	maxJSON     = 10 << 20
	maxFormText = 1 << 20
	maxKeptFile = 16 << 20 // of an upload; the rest is only counted
)

// file is an upload.
type file struct {
	mediaType string
	data      []byte
}

// readBody reads the body of a call: JSON, or a form that may have a file.
func readBody(c *call, w http.ResponseWriter) *reply {
	mediaType, params, _ := mime.ParseMediaType(c.request.Header.Get("Content-Type"))
	c.body = object{}
	switch {
	case c.request.Method == http.MethodGet || c.request.Method == http.MethodDelete:
		return nil
	case mediaType == "multipart/form-data":
		return readMultipart(c, params["boundary"])
	case mediaType == "application/x-www-form-urlencoded":
		return readForm(c)
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, c.request.Body, maxJSON))
	if _, isTooLarge := errors.AsType[*http.MaxBytesError](err); isTooLarge {
		return tooLarge("Request entity")
	}
	if err != nil {
		return badRequest("the body breaks off")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if mediaType != "application/json" {
		return badRequest("content-type: application/json is required")
	}
	return readJSON(c, data)
}

func readJSON(c *call, data []byte) *reply {
	body, err := decodeJSON(data)
	if err != nil {
		return badRequest("malformed JSON")
	}
	fields, isObject := body.(object)
	if !isObject {
		return badRequest("the body is not a JSON object")
	}
	c.body = fields
	return nil
}

func readForm(c *call) *reply {
	if err := c.request.ParseForm(); err != nil {
		return badRequest("malformed form")
	}
	for name := range c.request.PostForm {
		c.body[name] = c.request.PostForm.Get(name)
	}
	return nil
}

// readMultipart reads a form with the file in the part source, and fields before or after it.
func readMultipart(c *call, boundary string) *reply {
	reader := multipart.NewReader(c.request.Body, boundary)
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badRequest("malformed form")
		}
		if part.FormName() != "source" || part.FileName() == "" {
			text, err := io.ReadAll(io.LimitReader(part, maxFormText))
			if err != nil {
				return badRequest("malformed form")
			}
			c.body[part.FormName()] = string(text)
			continue
		}
		var refusal *reply
		if c.file, refusal = readFile(part, c.server.config.maxUpload); refusal != nil {
			return refusal
		}
	}
}

func readFile(part *multipart.Part, limit int64) (*file, *reply) {
	kept := &limitedBuffer{room: maxKeptFile}
	n, err := io.Copy(kept, io.LimitReader(part, limit+1))
	if err != nil {
		return nil, badRequest("the file breaks off")
	}
	if n > limit {
		return nil, tooLarge("File")
	}
	mediaType := part.Header.Get("Content-Type")
	if mediaType == "" || mediaType == "application/octet-stream" {
		mediaType = http.DetectContentType(kept.Bytes())
	}
	return &file{mediaType, kept.Bytes()}, nil
}
