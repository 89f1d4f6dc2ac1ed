package e2e

import (
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPicture writes the picture that README shows.
func TestPicture(t *testing.T) {
	if *picture == "" {
		t.Skip("only with -picture")
	}
	s := startSandbox(t, "-seed", "picture")
	bot := startReceiver(t, 1)
	client := s.business()
	_, err := client.Webhooks.Create(t.Context(), smooch.WebhookCreate{
		Target: bot.url, Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser, smooch.TriggerPostback},
	})
	require.NoError(t, err)
	post := func(user string, m smooch.MessagePost) *smooch.Message {
		t.Helper()
		m.Name = "Bicycle shop"
		answer, err := client.Conversations.PostMessage(t.Context(), user, m)
		require.NoError(t, err)
		return &answer.Message
	}
	for _, each := range []struct{ id, name, channel, says, answer string }{
		{"rosa", "Rosa Klein", "telegram", "Is my order on its way?", "It comes tomorrow before noon."},
		{"mehmet", "Mehmet Öz", "messenger", "Where are you?", "Rue Sherbrooke 12. We are open until six."},
	} {
		user := s.newUser(each.id, each.name, each.channel)
		s.control(user+"say", map[string]string{"text": each.says}, nil)
		if each.id == "rosa" { // her event meets a bot that sleeps
			s.control("deliveries?state=retrying&wait=10", nil, nil)
			s.control("clock/advance", map[string]int{"seconds": 15 * 60}, nil)
		}
		bot.takes(t)
		post(each.id, smooch.TextMessage(each.answer))
		s.control(user+"read", map[string]string{}, nil)
	}
	user := s.newUser("ida@example.com", "Ida Lind", "whatsapp")
	s.control(user+"say", map[string]string{"text": "Hello! Do you rent bicycles that carry two children?"}, nil)
	bot.takes(t)
	post("ida@example.com", smooch.TextMessage("We do, Ida. Which one do you like?"))
	item := func(title, description, picture, payload string) smooch.MessageItem {
		return smooch.MessageItem{
			Title: title, Description: description, MediaURL: s.BaseURL + "/" + picture,
			Actions: []smooch.Action{smooch.PostbackAction("Reserve", payload)},
		}
	}
	bicycles := post("ida@example.com", smooch.CarouselMessage(
		item("City", "With a trailer, 7 gears", "sample-city.svg", "RESERVE_CITY"),
		item("Cargo", "A bench for two, electric", "sample-cargo.svg", "RESERVE_CARGO")))
	s.control(user+"tap", map[string]string{"actionId": bicycles.Items[1].Actions[0].ID}, nil)
	bot.takes(t)
	s.control("faults", map[string]any{"status": 429, "retryAfter": 1}, nil)
	when := smooch.TextMessage("Reserved. When do you need it?")
	when.Actions = []smooch.Action{
		smooch.ReplyAction("Today", "TODAY"), smooch.ReplyAction("Tomorrow", "TOMORROW"), smooch.LocationRequestAction("Send my location"),
	}
	post("ida@example.com", when)

	p := visit(t, s, wide, "light")
	defer p.leave()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 800, DeviceScaleFactor: 1.5})
	p.sees("When do you need it?")
	p.until("all pictures are there", func() bool {
		return js[bool](p, "document.images.length > 2 && [...document.images].every((i) => i.complete && i.naturalWidth > 0)")
	})
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	assert.Less(t, len(png), 400<<10)
	require.NoError(t, os.WriteFile(*picture, png, 0o644))
}
