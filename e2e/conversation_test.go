package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConversation: a person plays a user who talks with the echo bot, sees a fault and what the
// bot makes of it, and begins anew.
func TestConversation(t *testing.T) {
	for _, window := range []size{wide, phone} {
		t.Run(window.name, func(t *testing.T) {
			s := startSandbox(t)
			s.startBot()
			p := visit(t, s, window, "light")
			defer p.leave()
			p.sees("Nobody is here yet")

			p.clicks("New user")
			p.enters("First name", "Ida")
			p.enters("Last name", "Lind")
			p.chooses("Comes over", "WhatsApp")
			p.clicks("Make the user")
			p.sees("Say hello as Ida Lind")
			p.writes("Hello, <b>bot</b>")
			p.sees("You said: Hello, <b>bot</b>")
			p.clicks("Say it louder")
			p.sees("You tapped LOUDER!")
			p.clicks("Mark as read")
			p.sees("Read")
			p.seesNo("Mark as read")

			p.run("look.drop('cat.png')")
			p.sees("What a nice picture!")

			// What the business can send, and how the user answers.
			p.clicks("Business")
			p.clicks("Send something else")
			p.clicks("Quick replies")
			p.sees("When does it suit you?")
			p.clicks("User")
			p.clicks("Tonight")
			p.sees("You said: Tonight")
			p.clicks("Business")
			p.clicks("Send something else")
			p.clicks("Form")
			p.sees("A form that waits for an answer")
			p.clicks("User")
			p.enters("Your name", "Ida")
			p.enters("Mail address", "ida@example.com")
			p.chooses("Size", "Large")
			p.clicks("Send answers")
			p.sees("I can't read that yet.")

			// The bot meets a fault and gets over it.
			p.clicks("Faults")
			p.clicks("Answer 503 once")
			p.sees("Calls are answered with 503")
			p.writes("Are you well?")
			p.sees("You said: Are you well?")
			p.seesNo("Calls are answered with 503")
			p.goesTo("Activity")
			p.clicks("Problems")
			p.sees("503")
			p.sees("fault")
			assert.Zero(t, p.cutOff())

			p.clicks("Reset")
			p.clicks("Clear users and logs")
			p.goesTo("Chat")
			p.sees("Nobody is here yet")
			p.goesTo("Activity")
			p.sees("No problems")
		})
	}
}

// TestDeliveries: a webhook is made in the page, its target fails, the clock brings the repetition,
// and the delivery is looked at, sent again and copied as a command that works.
func TestDeliveries(t *testing.T) {
	for _, window := range []size{wide, phone} {
		t.Run(window.name, func(t *testing.T) {
			s := startSandbox(t, "-webhook-retry", "10m")
			s.newUser("ida", "Ida Lind", "web")
			bot := startReceiver(t, 1)
			p := visit(t, s, window, "dark")
			defer p.leave()

			p.sees("No bot listens yet")
			p.clicks("Connect your bot")
			p.sees("export SMOOCH_BASE_URL='" + s.BaseURL + "'")
			p.enters("Address of your bot", "http://smooch.example/bot")
			p.clicks("Create the webhook")
			p.sees("-allow-target")
			p.enters("Address of your bot", bot.url)
			p.clicks("Create the webhook")
			p.seesNo("Create the webhook")

			p.writes(`It's "me", $HOME \ (100 %)`)
			p.goesTo("Activity")
			p.sees("again at")
			p.clicks("Problems")
			p.sees("again at")
			p.clicks("All")
			p.clicks("+15 min")
			p.sees("The clock is 15 minutes on")
			sent := bot.takes(t)
			p.seesNo("again at")
			p.clicks("Delivery message:appUser")
			p.sees("Attempts")
			p.sees("503")
			p.sees("200")
			p.clicks("v1")
			p.sees(`"trigger": "message:appUser"`)
			p.sees(`"appUser": {`)
			p.clicks("Redeliver")
			assert.Equal(t, sent, bot.takes(t))
			p.sees("Sent again")

			p.clicks("Copy as curl")
			p.sees("Command copied")
			command := p.pastes()
			out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
			if strings.Contains(string(out), "not found") {
				t.Log("left out: curl is not installed")
			} else {
				require.NoError(t, err, "%s\n%s", command, out)
				assert.JSONEq(t, sent, bot.takes(t))
			}
			p.goesTo("Activity")
			p.clicks("Back to activity")
			p.clicks("Call POST /webhooks")
			p.sees("Request")
			p.seesNo("Command copied") // the note of the first time
			p.clicks("Copy as curl")
			p.sees("Command copied")
			assert.Contains(t, p.pastes(), "Authorization: Bearer ")
			p.goesTo("Activity")
			p.clicks("Back to activity")
			p.sees("Deliveries")
			assert.Zero(t, p.cutOff())
		})
	}
}

// takes waits for an event and returns its body.
func (r *receiver) takes(t *testing.T) string {
	t.Helper()
	select {
	case body := <-r.events:
		require.True(t, json.Valid([]byte(body)), body)
		return body
	case <-time.After(10 * time.Second):
		require.Fail(t, "no event has come")
		return ""
	}
}

// cutOff returns how many pixels of the page do not fit its width.
func (p *person) cutOff() int {
	p.t.Helper()
	return js[int](p, "look.wider()")
}
