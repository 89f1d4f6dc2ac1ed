package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPrivateFiles: the page shows pictures and files that only a media token opens, under whatever
// name it is reached, and what it loads is no call of the bot.
func TestPrivateFiles(t *testing.T) {
	s := startSandbox(t)
	client, err := smooch.NewClient(smooch.BearerToken(s.JWT), smooch.WithBaseURL(s.BaseURL), smooch.WithApp(s.AppID))
	require.NoError(t, err)
	_, err = client.Apps.Update(t.Context(), s.AppID, smooch.AppUpdate{
		Settings: &smooch.AppSettings{AttachmentsAccess: "private"},
	})
	require.NoError(t, err)
	user := s.newUser("ida", "Ida Lind", "web")
	s.control(user+"file", map[string]string{"mediaUrl": "data:text/plain,Be%20kind.", "text": "Terms"}, nil)
	const gif = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
	s.control(user+"image", map[string]string{"mediaUrl": "data:image/gif;base64," + gif}, nil)
	page, err := client.Conversations.ListMessages(t.Context(), "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	get := func(url string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	assert.Equal(t, 401, get(page.Messages[1].MediaURL), "it is private")

	var before, after struct {
		Last int `json:"last"`
	}
	s.control("calls", nil, &before)
	for _, name := range []string{"127.0.0.1", "localhost"} {
		s.BaseURL = strings.Replace(s.BaseURL, "127.0.0.1", name, 1)
		p := visit(t, s, wide, "light")
		p.until("the picture is there", func() bool {
			return js[bool](p, "[...document.querySelectorAll('.bubble img')].some((i) => i.naturalWidth > 0)")
		})
		assert.Equal(t, 200, get(js[string](p, "document.querySelector('a.file-card').href")))
		p.leave()
	}
	s.control("calls", nil, &after)
	assert.Equal(t, before.Last, after.Last)

	upload := smooch.Upload{Source: strings.NewReader("\xff\xd8\xff\xe0"), Filename: "a.jpg"}
	_, err = client.Attachments.Upload(t.Context(), upload, smooch.AttachmentOptions{})
	require.NoError(t, err)
	p := visit(t, s, wide, "light")
	defer p.leave()
	p.clicks("Call POST /attachments")
	p.sees("that are not text.")
}
