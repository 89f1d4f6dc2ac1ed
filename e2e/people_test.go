package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPeople: apps, users and channels are made, and a user does what users do besides writing. The
// bot's webhook tells what it heard of it.
func TestPeople(t *testing.T) {
	for _, window := range []size{wide, phone} {
		t.Run(window.name, func(t *testing.T) {
			s := startSandbox(t)
			p := visit(t, s, window, "dark")
			defer p.leave()
			p.sees("Nobody is here yet")

			p.goesTo("People")
			p.clicks("New app")
			p.enters("Name", "Bicycle shop")
			p.clicks("Make the app")
			p.seesNo("Make the app")
			assert.Equal(t, "Bicycle shop", js[string](p, "look.named('App').selectedOptions[0].text"))
			p.chooses("App", "Default app")

			bot := startReceiver(t, 0)
			business := s.business()
			_, err := business.Webhooks.Create(t.Context(), smooch.WebhookCreate{Target: bot.url, Triggers: []smooch.Trigger{
				smooch.TriggerConversationReferral, smooch.TriggerTypingAppUser, smooch.TriggerClientAdd, smooch.TriggerMessageAppUser,
				smooch.TriggerConversationRead,
			}})
			require.NoError(t, err)

			p.clicks("New user")
			p.enters("First name", "Ida")
			p.chooses("Comes over", "No channel yet")
			p.clicks("Make the user")
			p.sees("needs an id of your own")
			p.enters("Your own id for the user", "ida")
			p.clicks("Make the user")
			p.sees("Say hello as Ida")
			p.goesTo("People")
			p.clicks("New channel")
			p.chooses("Channel", "Telegram")
			p.clicks("Join")
			p.sees("used last")
			assert.Contains(t, bot.takes(t), "client:add")

			p.goesTo("Chat")
			p.enters("Message", "H")
			assert.Contains(t, bot.takes(t), "typing:start")
			p.do(chromedp.KeyEvent("i"))
			p.pressesEnter()
			for _, part := range []string{"typing:stop", `"text":"Hi"`} {
				assert.Contains(t, bot.takes(t), part)
			}
			p.clicks("More that the user does")
			p.clicks("Come through a referral…")
			p.enters("Code", "spring-sale")
			p.clicks("Come")
			assert.Contains(t, bot.takes(t), "spring-sale")
			p.clicks("Send something else")
			p.clicks("Location…")
			p.clicks("Share")
			assert.Contains(t, bot.takes(t), "-73.5673")
			p.sees("45.5017, -73.5673")

			path := filepath.Join(t.TempDir(), "terms.txt")
			require.NoError(t, os.WriteFile(path, []byte("Be kind."), 0o600))
			p.do(chromedp.SetUploadFiles(chromedp.CSS("#files"), []string{path}))
			assert.Contains(t, bot.takes(t), `"type":"file"`)
			p.sees("text/plain")

			_, err = business.Conversations.PostActivity(t.Context(), "ida", smooch.Activity{Type: smooch.ActivityTypeTypingStart})
			require.NoError(t, err)
			p.sees("The business is typing")
			_, err = business.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage("Thanks"))
			require.NoError(t, err)
			p.sees("Thanks")
			p.seesNo("The business is typing")
			p.sees("1 unread")
			p.clicks("Mark as read")
			assert.Contains(t, bot.takes(t), "conversation:read")
			p.sees("Read")

			p.goesTo("People")
			p.clicks("What the user does on Telegram")
			p.clicks("Block the business")
			p.sees("blocked by the user")
			p.goesTo("Chat")
			p.clicks("Business")
			p.writes("Are you there?")
			p.sees("Not delivered over Telegram")
			s.control("faults", map[string]any{"status": 500, "path": "/messages"}, nil)
			p.writes("Hello?")
			p.sees("An injected fault")
			p.until("has the text back", func() bool { return js[string](p, "look.named('Message').value") == "Hello?" })
			p.pressesEnter()
			p.sees("Hello?")
			p.until("has sent it", func() bool { return js[string](p, "look.named('Message').value") == "" })
			p.clicks("User")
			p.writes("Yes")
			p.goesTo("People")
			p.seesNo("blocked by the user")

			p.clicks("Faults")
			p.clicks("Delay every call by 2 s")
			p.sees("Calls are delayed by 2 s")
			p.clicks("Lift")
			p.seesNo("Calls are delayed by 2 s")
			s.control("faults", map[string]string{"cut": "after", "method": "DELETE", "path": "/appusers/ida/messages"}, nil)
			p.sees("Connections are cut after carrying out on DELETE /appusers/ida/messages")
			assert.True(t, js[bool](p, "look.named('Lift').getBoundingClientRect().right <= innerWidth"))
			p.clicks("Lift")
			p.seesNo("Connections are cut")
			s.control("faults", map[string]any{"status": 418, "path": "/nope", "seconds": 9}, nil)
			p.sees("Calls are answered with 418")
			p.until("sees the time pass", func() bool { return js[bool](p, `/[1-8] s left/.test(document.body.innerText)`) })
			assert.Zero(t, p.cutOff())
		})
	}
}
