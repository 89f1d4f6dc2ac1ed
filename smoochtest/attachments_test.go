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

// TestPrivateAttachments opens files with media tokens of the right app and conversation, and with
// others.
func TestPrivateAttachments(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, app := newServerWithUser(t)
	ada := createUser(t, app, "ada")
	other, err := app.Apps.Create(ctx, smooch.AppCreate{Name: "other"})
	require.NoError(t, err)
	upload := func(options smooch.AttachmentOptions) string {
		file, err := app.Attachments.Upload(ctx, gif(), options)
		require.NoError(t, err)
		return file.MediaURL
	}
	private := upload(smooch.AttachmentOptions{Access: smooch.AttachmentAccessPrivate})
	idas := upload(smooch.AttachmentOptions{Access: smooch.AttachmentAccessPrivate, For: "message", UserID: "ida"})
	upload(smooch.AttachmentOptions{Access: smooch.AttachmentAccessPrivate, For: "message", AppUserID: ada.ID})
	say(t, server, "hi")
	conversation, err := app.Conversations.PostMessage(ctx, "ida", smooch.TextMessage("x"))
	require.NoError(t, err)
	token := func(client *smooch.Client, path string) string {
		tokens, err := client.Attachments.CreateMediaToken(ctx, []string{path})
		require.NoError(t, err)
		return tokens[path]
	}
	ofApp := token(app, "/apps/"+server.App().ID)
	ofIda := token(app, "/apps/"+server.App().ID+"/conversations/"+conversation.Conversation.ID)
	ofOther := token(server.Client().ForApp(other.ID), "/apps/"+other.ID)

	fetch(t, 401, private)
	fetch(t, 401, private, "Authorization: Bearer nonsense")
	fetch(t, 403, private, "Authorization: Bearer "+ofOther)
	fetch(t, 403, private, "Authorization: Bearer "+ofIda)
	assert.Equal(t, "GIF89a!", string(fetch(t, 200, private, "Authorization: Bearer "+ofApp)))
	fetch(t, 200, idas, "Authorization: Bearer "+ofApp)
	fetch(t, 200, idas, "Authorization: Bearer "+ofIda)
	exchange(t, http.MethodPost, 405, private, "Authorization: Bearer "+ofApp)

	var answer smooch.Response
	require.NoError(t, app.Attachments.SetCookie(ctx, ofApp, smooch.WithResponse(&answer)))
	cookie, _, _ := strings.Cut(answer.Header.Get("Set-Cookie"), ";")
	fetch(t, 200, private, "Cookie: "+cookie)

	// Whoever may use the controls sees every file, and that is no call.
	_, id, _ := strings.Cut(private, "/media/")
	calls := len(server.Requests())
	file := exchange(t, http.MethodGet, 200, server.URL+"/_sandbox/media/"+id)
	assert.Equal(t, "GIF89a!", string(file.body))
	for name, value := range map[string]string{
		"Content-Type": "image/gif", "Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff",
	} {
		assert.Equal(t, value, file.header.Get(name))
	}
	exchange(t, http.MethodGet, 404, server.URL+"/_sandbox/media/nope")
	assert.Len(t, server.Requests(), calls)

	for path, want := range map[string]int{
		"/apps/" + other.ID: 403, "/webhooks": 400, "/apps/" + server.App().ID + "/x": 400,
	} {
		api := newAPI(t, server)
		api.call(want, "POST", "/attachments/token", `{"paths":["`+path+`"]}`)
	}
	require.NoError(t, app.Conversations.DeleteMessages(ctx, "ida"))
	fetch(t, 404, idas, "Authorization: Bearer "+ofApp)
	server.Advance(3 * time.Hour)
	fetch(t, 401, private, "Authorization: Bearer "+ofApp)
}
