package smoochtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

// postText posts a text of the business to the user ida, with metadata.
func postText(t *testing.T, app *smooch.Client, text string) *smooch.MessageResponse {
	t.Helper()
	message := smooch.TextMessage(text)
	message.Metadata = map[string]any{"a": "b"}
	answer, err := app.Conversations.PostMessage(t.Context(), "ida", message)
	require.NoError(t, err)
	return answer
}

func TestShorthandBecomesButtonsAndAnImage(t *testing.T) {
	t.Parallel()
	server, app := newServerWithUser(t)
	must := func(s string, err error) string {
		require.NoError(t, err)
		return s
	}
	m := postText(t, app, "A card "+must(smooch.ImageShorthand("https://x.example/(1).png"))+
		must(smooch.LinkShorthand("Site", "https://x.example/(a)"))+
		must(smooch.ReplyShorthand("Yes", "YES now"))+
		must(smooch.PostbackShorthand("No", "no:NO"))+
		must(smooch.LocationRequestShorthand("Here"))+
		must(smooch.BuyShorthand("Pay", 2505))).Message
	assert.Equal(t, smooch.MessageTypeImage, m.Type)
	assert.Equal(t, "A card", m.Text)
	assert.Equal(t, "https://x.example/%281%29.png", m.MediaURL)
	actions := map[string]string{}
	for _, a := range m.Actions {
		assert.NotEmpty(t, a.ID)
		actions[a.Text] = fmt.Sprint(a.Type, " ", a.URI, a.Payload)
		if a.Amount != nil {
			assert.NotEmpty(t, a.URI, "the page to pay on")
			actions[a.Text] = fmt.Sprint(a.Type, " ", *a.Amount)
		}
	}
	assert.Equal(t, map[string]string{
		"Site": "link https://x.example/%28a%29", "Yes": "reply YES now", "No": "postback no:NO",
		"Here": "locationRequest ", "Pay": "buy 2505",
	}, actions)
	require.NoError(t, server.Tap(server.App().ID, "ida", "no:NO"))
}

func TestTemplateShorthandBecomesMessages(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, app := newServerWithUser(t)
	template, err := app.Templates.Create(ctx, smooch.TemplateCreate{Name: "hours", Message: smooch.MessagePost{
		Role: "appMaker", Type: "text", Text: "We open at 9.",
		Actions: []smooch.Action{smooch.PostbackAction("Route", "ROUTE")},
	}})
	require.NoError(t, err)
	shorthand, err := smooch.TemplateShorthand("hours")
	require.NoError(t, err)
	answer := postText(t, app, "First: "+shorthand+" then %{{template: hours}}%, and %((template: none))%")
	require.Len(t, answer.ExtraMessages, 4)
	texts := []string{answer.Message.Text}
	ids := map[string]bool{}
	for _, extra := range answer.ExtraMessages {
		texts = append(texts, extra.Text)
		ids[extra.ID] = true
		for _, a := range extra.Actions {
			ids[a.ID] = true
		}
		assert.Equal(t, "b", extra.Metadata["a"])
	}
	assert.Equal(t, []string{
		"First: ", "We open at 9.", " then ", "We open at 9.", ", and %((template: none))%",
	}, texts)
	assert.Len(t, ids, 6, "messages and buttons from one template have ids of their own")
	kept, err := app.Templates.Get(ctx, template.ID)
	require.NoError(t, err)
	assert.Equal(t, template, kept, "the template has not changed")
}

func TestTextThatIsNoShorthand(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, app := newServerWithUser(t)
	for _, text := range []string{
		"%[x](y)", "$[x](y)", "100% [sure] (really)", "%[](a:b)", "a %[b] (c:d)",
	} {
		assert.Equal(t, text, postText(t, app, text).Message.Text)
	}
	say(t, server, "%[x](reply:Y)")
	page, err := app.Conversations.ListMessages(ctx, "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	require.Len(t, page.Messages, 6)
	assert.Equal(t, "%[x](reply:Y)", page.Messages[5].Text, "the text of a user stays as it is")
}
