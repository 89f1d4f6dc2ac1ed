package smooch

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

// TestAppUserWithOddMembers: a member of another shape than documented does not lose the user.
func TestAppUserWithOddMembers(t *testing.T) {
	t.Parallel()
	var user AppUser
	require.NoError(t, lenient.Unmarshal([]byte(`{"_id":"u","userId":null,"signedUpAt":"","properties":[],"clients":null,"conversationStarted":null,"pendingClients":[{"id":"c","info":"","raw":[]}]}`), &user))
	assert.Equal(t, "u", user.ID)
	assert.True(t, user.SignedUpAt.IsZero())
	assert.Empty(t, user.Properties)
	assert.Nil(t, user.ConversationStarted)
	assert.Equal(t, "c", user.PendingClients[0].ID)

	var withClients AppUser
	require.NoError(t, lenient.Unmarshal([]byte(`{"_id":"u","clients":["",[],null,{"platform":"ios"}]}`), &withClients))
	require.Len(t, withClients.Clients, 4)
	assert.Equal(t, "ios", string(withClients.Clients[3].Platform))
}

func TestNumbersOfPropertiesAreExact(t *testing.T) {
	t.Parallel()
	var user AppUser
	require.NoError(t, lenient.Unmarshal([]byte(`{"properties":{"n":12345678901234567890}}`), &user))
	assert.Equal(t, json.Number("12345678901234567890"), user.Properties["n"])
}
