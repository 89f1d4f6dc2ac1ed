package smooch

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCredentialsOnTheWire(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		auth   Auth
		header string
		value  []string
	}{
		{"app token", AppToken("cr2g6jgx"), "App-Token", []string{"cr2g6jgx"}},
		{"basic", BasicAuth("app_1", "s:e"), "Authorization", []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("app_1:s:e"))}},
		{"bearer", BearerToken("abc"), "Authorization", []string{"Bearer abc"}},
		{"none", NoAuth(), "Authorization", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rec := newRecorder(t, reply(200, anything))
			_, err := newTestClient(t, rec.URL, test.auth, WithVersion(V1)).AppUsers.Get(t.Context(), "u")
			require.NoError(t, err)
			assert.Equal(t, test.value, rec.last(t).header[test.header])
		})
	}
}

func TestMediaTokenReplacesTheCredential(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	require.NoError(t, newTestClient(t, rec.URL, AppJWT("k", "s")).Attachments.SetCookie(t.Context(), "media"))
	assert.Equal(t, "Bearer media", rec.last(t).header.Get("Authorization"))
}
