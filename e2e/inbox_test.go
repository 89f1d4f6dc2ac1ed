package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startInbox starts the example support-inbox on the sandbox, and returns its page.
func (s *sandbox) startInbox() *sandbox {
	s.t.Helper()
	_, out := start(s.t, "support-inbox", "-sandbox", s.BaseURL, "-listen", "127.0.0.1:0")
	line, err := out.ReadString('\n')
	require.NoError(s.t, err)
	return &sandbox{t: s.t, BaseURL: regexp.MustCompile(`http://\S+`).FindString(line)}
}

// arrives waits for the next page after something that leads to one, and tells it how things are
// found.
func (p *person) arrives(text string) {
	p.t.Helper()
	p.until("arrives at "+text, func() bool {
		return js[bool](p, "!globalThis.look && document.readyState === 'complete' && document.body.innerText.includes(%s)", text)
	})
	p.run(look)
}

// TestInbox: in the page of the example support-inbox a conversation arrives by itself; the agent
// answers with a button, which the user taps, and with a picture.
func TestInbox(t *testing.T) {
	s := startSandbox(t)
	p := visit(t, s.startInbox(), wide, "light")
	defer p.leave()
	p.sees("Nobody has written yet")
	ida := s.newUser("ida", "Ida Lind", "whatsapp")
	s.control(ida+"say", map[string]string{"text": "Do you rent <b>bicycles</b>?"}, nil)
	p.sees("1 unread")
	p.clicks("Ida Lind")
	p.arrives("Today")
	p.sees("Do you rent <b>bicycles</b>?")
	p.seesNo("1 unread")

	p.enters("Answer", "This is a draft")
	s.control(ida+"say", map[string]string{"text": "For two children"}, nil)
	p.sees("For two children")
	assert.Equal(t, "This is a draft", js[string](p, "document.querySelector('textarea').value"))

	p.clicks("Buttons")
	p.chooses("What the button does", "Postback")
	p.enters("Label", "The cargo bicycle")
	p.enters("Answer", "Which one?")
	p.pressesEnter()
	p.arrives("Which one?")
	s.control(ida+"tap", map[string]string{"payload": "The cargo bicycle"}, nil)
	p.sees("Ida Lind tapped “The cargo bicycle”")

	picture := filepath.Join(t.TempDir(), "cargo.png")
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(picture, png, 0o600))
	p.do(chromedp.SetUploadFiles("input[type=file]", []string{picture}))
	p.clicks("Send")
	p.arrives("Which one?")
	p.until("sees the picture", func() bool {
		return js[bool](p, "[...document.images].some((i) => i.alt === 'cargo.png' && i.naturalWidth > 0)")
	})
	s.control(ida+"say", map[string]string{"text": "Very nice!"}, nil)
	p.sees("Very nice!")
	p.shoot("inbox-answered")

	page, err := s.business().Conversations.ListMessages(t.Context(), "ida", smooch.MessageListOptions{})
	require.NoError(t, err)
	require.Len(t, page.Messages, 5)
	assert.Equal(t, "Which one?", page.Messages[2].Text)
	assert.Equal(t, smooch.MessageTypeImage, page.Messages[3].Type)
}

// TestInboxBarriers: axe-core finds nothing serious in any state of the inbox, and nothing is cut
// off.
func TestInboxBarriers(t *testing.T) {
	source := axe(t)
	for _, window := range []size{wide, phone} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(window.name+" "+scheme, func(t *testing.T) {
				s := startSandbox(t)
				site := s.startInbox()
				p := visit(t, site, window, scheme)
				defer p.leave()
				looks := func(state string) {
					t.Helper()
					p.do(chromedp.Evaluate[chromedp.Void](source))
					p.shoot("inbox-" + window.name + "-" + scheme + "-" + state)
					assert.Empty(t, p.barriers(), state)
					assert.Zero(t, p.cutOff(), state)
					assert.Empty(t, js[[]string](p, "[...document.querySelectorAll('nav ul, .history')].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.className || e.id)"), state)
				}
				goesTo := func(conversation, text string) {
					t.Helper()
					p.do(chromedp.Navigate(site.BaseURL + "/"))
					p.arrives(conversation)
					p.clicks(conversation)
					p.arrives(text)
				}
				p.sees("Nobody has written yet")
				looks("empty")
				s.converse()
				long := s.newUser("long", "Wilhelmine-Charlotte von Waldburg-Zeil-Trauchburg", "telegram")
				s.control(long+"say", map[string]string{"text": strings.Repeat("A text that is rather long. ", 40)}, nil)
				s.control(long+"say", map[string]string{"text": strings.Repeat("Donaudampfschifffahrt", 20)}, nil)
				yusuf := s.newUser("yusuf", "يوسف حداد", "telegram")
				s.control(yusuf+"say", map[string]string{"text": "مرحبا، هل متجركم مفتوح يوم الأحد؟"}, nil)
				for range 60 {
					s.control(yusuf+"say", map[string]string{"text": "شكرا جزيلا!"}, nil)
					_, err := s.business().Conversations.PostMessage(t.Context(), "yusuf", smooch.TextMessage("على الرحب والسعة"))
					require.NoError(t, err)
				}
				p.sees("Wilhelmine")
				looks("list")
				goesTo("Ida Lind", "Today")
				looks("types")
				goesTo("Wilhelmine", "Today")
				looks("long")
				goesTo("يوسف", "Today")
				looks("many")
				p.run("document.querySelector('.history').scrollTo(0, -100000)")
				p.clicks("Older messages")
				p.arrives("Back to the newest")
				looks("older")

				goesTo("Ida Lind", "Today")
				s.control("apps/"+s.AppID+"/users/ida@example.com/block", map[string]string{}, nil)
				p.clicks("Buttons")
				p.enters("Label", "Nothing")
				looks("buttons")
				p.enters("Answer", "Is that you?")
				p.pressesEnter()
				p.arrives("Is that you?")
				p.until("sees the failure", func() bool { return js[int](p, "document.querySelectorAll('.failure').length") == 2 })
				looks("failure")
				ida, err := s.business().AppUsers.Get(t.Context(), "ida@example.com")
				require.NoError(t, err)
				s.control("faults", map[string]any{"method": "POST", "path": ida.ID + "/messages", "cut": "before", "delay": 1}, nil)
				p.clicks("Buttons")
				p.enters("Label", "Call me")
				p.enters("Answer", "We are still here.")
				p.pressesEnter()
				p.until("the answer is being sent", func() bool {
					var left struct{ Faults []struct{ Cut string } }
					s.control("faults", nil, &left)
					return len(left.Faults) == 0
				})
				// The search for it fails.
				s.control("faults", map[string]any{"method": "GET", "path": ida.ID + "/messages", "status": 403}, nil)
				p.arrives("It is not known whether this was sent.")
				looks("unknown")
				p.clicks("Send again")
				p.arrives("We are still here.")
				p.seesNo("It is not known")
				page, err := s.business().Conversations.ListMessages(t.Context(), "ida@example.com", smooch.MessageListOptions{})
				require.NoError(t, err)
				last := page.Messages[len(page.Messages)-2:]
				assert.Equal(t, []string{"Is that you?", "We are still here."}, []string{last[0].Text, last[1].Text})
			})
		}
	}
}
