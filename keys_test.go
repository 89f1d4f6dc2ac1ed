package smooch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKeysNeedABoundApp(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, reply(200, anything))
	for _, auth := range []Auth{AppToken("t"), AppJWT("k", "s"), AppMakerJWT("k", "s"), BasicAuth("k", "s")} {
		_, err := newTestClient(t, rec.URL, auth, WithVersion(V1)).Keys.List(t.Context())
		assert.ErrorIs(t, err, ErrInvalidArgument)
		assert.ErrorContains(t, err, "appID")
	}
	assert.Empty(t, rec.requests(), "nothing is sent")

	_, err := newTestClient(t, rec.URL, AppMakerJWT("k", "s"), WithApp("a/1")).Keys.Get(t.Context(), "app_1")
	require.NoError(t, err)
	assert.Equal(t, "/v1.1/apps/a%2F1/keys/app_1", rec.last(t).uri)
}
