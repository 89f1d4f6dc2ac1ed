package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const axeVersion = "4.14.1"

// axe returns the source of axe-core, which npm fetches once into node_modules.
func axe(t *testing.T) string {
	t.Helper()
	const path = "node_modules/axe-core/axe.min.js"
	if _, err := os.Stat(path); err != nil {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		install := exec.CommandContext(ctx, "npm", "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund",
			"--ignore-scripts", "--prefix", ".", "axe-core@"+axeVersion)
		if err := install.Run(); err != nil {
			fmt.Println("left out: axe-core cannot be fetched with npm, so nobody has looked for barriers:", err)
			t.Skip("axe-core cannot be fetched")
		}
	}
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(source)
}

// TestBarriers: axe-core finds nothing serious in any state of the page, and nothing is cut off.
func TestBarriers(t *testing.T) {
	source := axe(t)
	for _, window := range []size{wide, phone} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(window.name+" "+scheme, func(t *testing.T) {
				s := startSandbox(t)
				p := visit(t, s, window, scheme)
				defer p.leave()
				p.do(chromedp.Evaluate[chromedp.Void](source))
				looks := func(state string) {
					t.Helper()
					p.shoot(window.name + "-" + scheme + "-" + state)
					assert.Empty(t, p.barriers(), state)
					assert.Zero(t, p.cutOff(), state)
				}
				p.sees("Nobody is here yet")
				looks("empty")
				for _, each := range []struct{ button, text string }{
					{"New user", "Make the user"}, {"Faults", "Answer 503 once"}, {"Reset", "Clear everything"},
					{"Connect your bot", "Create the webhook"},
				} {
					p.clicks(each.button)
					p.sees(each.text)
					looks(each.button)
					p.clicks("Close")
				}
				s.converse()
				p.goesTo("Chat")
				p.sees("When does it suit you?")
				looks("user")
				p.run("document.querySelector('.log').scrollTo(0, 500)")
				looks("older")
				p.clicks("More that the user does")
				looks("menu")
				p.clicks("Business")
				p.clicks("Send something else")
				p.sees("Text with buttons")
				looks("business")
				p.goesTo("People")
				p.sees("Channels")
				looks("people")
				p.clicks("Faults")
				p.clicks("Delay every call by 2 s")
				p.goesTo("Activity")
				p.sees("Calls are delayed by 2 s")
				looks("activity")
				p.clicks("Delivery message:appUser")
				p.sees("Attempts")
				looks("delivery")
				p.clicks("Back to activity")
				p.clicks("Call POST /appusers/{userId}/messages")
				p.sees("Request")
				looks("call")
			})
		}
	}
}

// barriers returns the violations that axe-core calls serious or critical.
func (p *person) barriers() []string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`axe.run({resultTypes: ["violations"]}).then(({violations}) =>
		violations.filter((v) => ["serious", "critical"].includes(v.impact)).flatMap((v) =>
			v.nodes.map((n) => v.id + ": " + n.target + ": " + n.failureSummary)))`,
		func(e *runtime.EvaluateParams) { wait := true; e.AwaitPromise = &wait }))
	require.NoError(p.t, err)
	return found
}

// converse has a conversation that holds messages of all types.
func (s *sandbox) converse() {
	s.t.Helper()
	bot := startReceiver(s.t, 0)
	client := s.business()
	_, err := client.Webhooks.Create(s.t.Context(), smooch.WebhookCreate{
		Target: bot.url, Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser},
	})
	require.NoError(s.t, err)
	user := s.newUser("ida@example.com", "Ida Lind", "whatsapp")
	post := func(m smooch.MessagePost) {
		s.t.Helper()
		m.Name = "Shop bot"
		_, err := client.Conversations.PostMessage(s.t.Context(), "ida@example.com", m)
		require.NoError(s.t, err)
	}
	s.control(user+"say", map[string]string{"text": "Hello! See https://example.com/?a=1&b=2"}, nil)
	bot.takes(s.t)
	text := smooch.TextMessage("Your bicycle is ready.")
	text.Actions = []smooch.Action{
		smooch.PostbackAction("Bring it", "BRING"), smooch.LinkAction("Opening hours", "https://shop.example/"),
		smooch.BuyAction("Pay", 2599, "eur"),
	}
	post(text)
	item := func(title, picture string) smooch.MessageItem {
		return smooch.MessageItem{
			Title: title, Description: "7 gears", MediaURL: picture,
			Actions: []smooch.Action{smooch.PostbackAction("Reserve", "RESERVE")},
		}
	}
	post(smooch.CarouselMessage(item("City", s.BaseURL+"/sample-city.svg"), item("Cargo", s.BaseURL+"/sample-cargo.svg"), item("Folding", "")))
	post(smooch.ListMessage(item("Repair", ""), item("Rental", "")))
	field := func(kind smooch.FieldType, name string) smooch.FormField {
		return smooch.FormField{Type: kind, Name: name, Label: strings.ToUpper(name[:1]) + name[1:]}
	}
	size := field(smooch.FieldTypeSelect, "size")
	size.Options = []smooch.FormOption{{Name: "s", Label: "Small"}, {Name: "l", Label: "Large"}}
	post(smooch.FormMessage(field(smooch.FieldTypeText, "name"), field(smooch.FieldTypeEmail, "mail"), size))
	s.control(user+"answer", map[string]any{"fields": map[string]string{"name": "Ida", "mail": "ida@example.com", "size": "l"}}, nil)
	post(smooch.FormMessage(field(smooch.FieldTypeText, "name"), size))
	s.control(user+"location", map[string]float64{"lat": 45.5017, "long": -73.5673}, nil)
	s.control(user+"file", map[string]string{"mediaUrl": "data:application/pdf;base64,JVBERi0=", "text": "My contract"}, nil)
	s.control(user+"image", map[string]string{"mediaUrl": s.BaseURL + "/sample-city.svg", "text": "Mine"}, nil)
	post(smooch.ImageMessage(s.BaseURL + "/nothing.png"))
	s.control(user+"block", map[string]string{}, nil)
	post(smooch.TextMessage("Are you still there?"))
	s.control(user+"say", map[string]string{"text": "Yes."}, nil)
	replies := smooch.TextMessage("When does it suit you?")
	replies.Actions = []smooch.Action{smooch.ReplyAction("Tonight", "TONIGHT"), smooch.LocationRequestAction("Send my location")}
	post(replies)
}
