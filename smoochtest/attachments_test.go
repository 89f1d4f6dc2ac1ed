package smoochtest_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

func gif() smooch.Upload {
	return smooch.Upload{Source: strings.NewReader("GIF89a!"), Filename: "a.gif"}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	app := newServer(t, smoochtest.WithMaxUpload(1<<20)).Client()
	file, err := app.Attachments.Upload(ctx, gif(), smooch.AttachmentOptions{})
	require.NoError(t, err)
	assert.Equal(t, "image/gif", file.MediaType)

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, file.MediaURL, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req) // without a credential, as a browser does
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "GIF89a!", string(data))
	assert.Equal(t, "image/gif", resp.Header.Get("Content-Type"))

	require.NoError(t, app.Attachments.Delete(ctx, file.MediaURL))
	assert.ErrorIs(t, app.Attachments.Delete(ctx, file.MediaURL), smooch.ErrNotFound)
	large := smooch.Upload{Source: bytes.NewReader(make([]byte, 2<<20))}
	_, err = app.Attachments.Upload(ctx, large, smooch.AttachmentOptions{})
	assert.ErrorIs(t, err, smooch.ErrTooLarge)
}

func TestMediaTokensExpire(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := newServer(t)
	app := server.Client()
	path := "/apps/" + server.App().ID
	tokens, err := app.Attachments.CreateMediaToken(ctx, []string{path})
	require.NoError(t, err)
	var answer smooch.Response
	require.NoError(t, app.Attachments.SetCookie(ctx, tokens[path], smooch.WithResponse(&answer)))
	assert.NotEmpty(t, answer.Header.Get("Set-Cookie"))
	server.Advance(2 * time.Hour)
	assert.ErrorIs(t, app.Attachments.SetCookie(ctx, tokens[path]), smooch.ErrUnauthorized)
}

func TestUploadImage(t *testing.T) {
	t.Parallel()
	_, app := newServerWithUser(t)
	message := smooch.MessagePost{
		Role: smooch.RoleAppUser, Name: "Steve", Metadata: map[string]any{"a": "b"},
	}
	for _, version := range []smooch.Version{smooch.V1, smooch.V1_1} {
		//nolint:staticcheck // the fake also serves what is deprecated
		posted, err := app.ForVersion(version).Conversations.UploadImage(t.Context(), "ida", gif(), message)
		require.NoError(t, err)
		assert.Equal(t, "image/gif", posted.Message.MediaType)
		assert.Equal(t, map[string]any{"a": "b"}, posted.Message.Metadata)
		assert.Equal(t, "Steve", posted.Message.Name)
	}
}
