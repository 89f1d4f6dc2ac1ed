package e2e

import (
	"regexp"
	"testing"

	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUserTokens: in the page of the example issue-user-tokens a user logs in, writes as that user,
// and reads what the business answers.
func TestUserTokens(t *testing.T) {
	s := startSandbox(t)
	_, out := start(t, "issue-user-tokens", "-sandbox", s.BaseURL, "-listen", "127.0.0.1:0")
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	site := &sandbox{t: t, BaseURL: regexp.MustCompile(`http://\S+`).FindString(line)}

	p := visit(t, site, phone, "light")
	defer p.leave()
	p.sees("Please log in.")
	p.enters("Your name", "Ida")
	p.pressesEnter()
	p.enters("Message", "Is my <b>parcel</b> on its way?")
	p.pressesEnter()
	p.sees("Is my <b>parcel</b> on its way?")
	p.seesNo("Please log in.")

	app := s.business()
	_, err = app.Conversations.PostMessage(t.Context(), "web-Ida", smooch.TextMessage("It leaves at noon."))
	require.NoError(t, err)
	p.sees("It leaves at noon.")
	p.shoot("issue-user-tokens")
	page, err := app.Conversations.ListMessages(t.Context(), "web-Ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	require.Len(t, page.Messages, 2)
	assert.Equal(t, smooch.RoleAppUser, page.Messages[0].Role)
}
