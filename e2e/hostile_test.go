package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/smooch/smooch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestHostileTexts: whatever a message, a name or a call holds is shown as text. Nothing of it
// runs, and the policy of the page would not let it.
func TestHostileTexts(t *testing.T) {
	s := startSandbox(t)
	const script = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`
	user := s.newUser("ida", script, "web")
	s.control(user+"say", map[string]string{"text": script}, nil)
	client := s.business()
	link := smooch.TextMessage("Come")
	link.Actions = []smooch.Action{smooch.LinkAction(script, "javascript:document.title='run'")}
	list := smooch.ListMessage(smooch.MessageItem{
		Title: script, Description: script, MediaURL: "javascript:document.title='run'",
		Actions: []smooch.Action{smooch.PostbackAction(script, script)},
	})
	form := smooch.FormMessage(smooch.FormField{Type: smooch.FieldTypeText, Name: script, Label: script, Placeholder: script})
	image := smooch.ImageMessage("data:text/html," + script)
	for _, m := range []smooch.MessagePost{link, list, form, image} {
		m.Name = script
		if _, err := client.Conversations.PostMessage(t.Context(), "ida", m); err != nil {
			require.ErrorIs(t, err, smooch.ErrBadRequest) // the sandbox need not take all of it
		}
	}
	_, err := client.Webhooks.Create(t.Context(), smooch.WebhookCreate{
		Target: startReceiver(t, 0).url + "?" + script, Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser},
	})
	require.NoError(t, err)
	s.control(user+"say", map[string]string{"text": "javascript:alert(1)"}, nil)

	p := visit(t, s, wide, "light")
	defer p.leave()
	p.sees("javascript:alert(1)")
	p.clicks("Delivery message:appUser")
	p.sees("Attempts")
	p.clicks("Back to activity")
	p.clicks("Connect your bot")
	p.sees("Create the webhook")
	p.clicks("Close")
	assert.Equal(t, "Smooch sandbox", js[string](p, "document.title"))
	assert.Zero(t, js[int](p, "document.body.querySelectorAll('script, [onerror]').length"))
	assert.Zero(t, js[int](p, "document.querySelectorAll('a[href^=javascript]').length"))

	// The policy: no text becomes HTML, and no script of others runs.
	assert.True(t, js[bool](p, "(() => { try { document.body.innerHTML = '<b>'; return false } catch { return true } })()"))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.BaseURL+"/", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'")
	p.forgets("Trusted")
}

// forgets drops a problem that the test has caused, which must be there.
func (p *person) forgets(part string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.problems)
	var others []string
	for _, problem := range p.problems {
		if !strings.Contains(problem, part) {
			others = append(others, problem)
		}
	}
	p.problems = others
	assert.Less(p.t, len(others), before, "the browser did not tell of %s", part)
}

// TestWritingDirections: each text has the direction of its own writing.
func TestWritingDirections(t *testing.T) {
	s := startSandbox(t)
	user := s.newUser("leila", "ليلى حداد", "web")
	p := visit(t, s, wide, "light")
	defer p.leave()
	for _, text := range []string{"שלום, 3 אנשים (three).", "Three (שלום)."} {
		s.control(user+"say", map[string]string{"text": text}, nil)
		p.sees(text)
		fromLeft := js[bool](p, `(() => {
			const text = [...document.querySelectorAll(".bubble .text")].at(-1).firstChild, range = document.createRange();
			const at = (i) => { range.setStart(text, i); range.setEnd(text, i + 1); return range.getBoundingClientRect().x };
			return at(0) < at(text.length - 1);
		})()`)
		assert.Equal(t, text[0] == 'T', fromLeft, text)
	}
}

// TestThousands: of thousands of messages and calls the page holds the newest, and stays quick.
func TestThousands(t *testing.T) {
	s := startSandbox(t)
	user := s.newUser("ida", "Ida Lind", "web")
	p := visit(t, s, wide, "light")
	defer p.leave()
	p.sees("Say hello as Ida Lind")
	client := s.business()
	const messages = 3000
	for i := range messages {
		if i%2 == 0 {
			s.control(user+"say", map[string]string{"text": fmt.Sprintf("Message %d", i)}, nil)
			continue
		}
		_, err := client.Conversations.PostMessage(t.Context(), "ida", smooch.TextMessage(fmt.Sprintf("Message %d", i)))
		require.NoError(t, err)
	}
	p.sees(fmt.Sprintf("Message %d", messages-1))
	assert.LessOrEqual(t, js[int](p, "document.querySelectorAll('.message').length"), 300)
	assert.LessOrEqual(t, js[int](p, "document.querySelectorAll('.row').length"), 300)
	assert.Less(t, js[int](p, "document.querySelectorAll('*').length"), 10000)
	p.clicks("Show older messages")
	p.until("sees older messages", func() bool { return js[int](p, "document.querySelectorAll('.message').length") > 300 })
	p.writes("Still here")
	p.sees("Still here")
	took := js[float64](p, `(() => { const start = performance.now(); document.querySelector(".segments button:last-child").click();
		document.body.offsetHeight; return performance.now() - start })()`)
	t.Logf("the other side of the conversation is drawn within %.0f ms", took)
	assert.Less(t, took, 1500.0)
}

// TestRestart: when the sandbox ends and comes again, the page goes on.
func TestRestart(t *testing.T) {
	addr, state := freeAddr(t), filepath.Join(t.TempDir(), "state.json")
	s := startSandbox(t, "-addr", addr, "-state", state)
	s.newUser("ida", "Ida Lind", "web")
	p := visit(t, s, phone, "light")
	p.writes("Remember me")
	p.sees("Remember me")
	end(s.process)
	p.sees("Connection lost")
	s = startSandbox(t, "-addr", addr, "-state", state)
	p.seesNo("Connection lost")
	p.sees("Remember me")
	p.writes("Here I am")
	p.sees("Here I am")

	end(s.process)
	p.sees("Connection lost")
	startSandbox(t, "-addr", addr)
	p.seesNo("Connection lost")
	p.sees("Nobody is here yet")
}

// TestKeyboard: everything can be reached without a mouse.
func TestKeyboard(t *testing.T) {
	s := startSandbox(t)
	s.startBot()
	p := visit(t, s, wide, "light")
	defer p.leave()
	p.sees("Nobody is here yet")
	p.tabsTo("New user")
	p.pressesEnter()
	p.do(chromedp.KeyEvent("Ida"))
	p.pressesEnter()
	p.pressesEnter()
	p.seesNo("Make the user")
	p.sees("Say hello as Ida")
	p.until("the focus in the text box", func() bool {
		return js[bool](p, "document.activeElement.matches('.composer textarea')")
	})
	p.do(chromedp.KeyEvent("Hello"))
	p.pressesEnterWith(shift) // a new line
	p.do(chromedp.KeyEvent("bot"))
	p.pressesEnter()
	p.sees("You said: Hello bot")
	p.tabsTo("Say it louder")
	p.pressesEnter()
	p.sees("You tapped LOUDER!")
	p.tabsTo("More that the user does")
	p.pressesEnter()
	p.do(chromedp.KeyEvent(kb.ArrowUp))
	p.pressesEnter()
	p.seesNo("Mark as read")
	p.tabsTo("Delivery postback")
	p.pressesEnter()
	p.sees("Attempts")
	p.tabsTo("Back to activity")
	p.pressesEnter()
	p.sees("Deliveries")
	assert.Contains(t, js[string](p, "look.name(document.activeElement)"), "Delivery postback")
	p.tabsTo("Faults")
	p.pressesEnter()
	p.sees("Answer 503 once")
	p.do(chromedp.KeyEvent(kb.Escape))
	p.seesNo("Answer 503 once")
	assert.Contains(t, js[string](p, "document.activeElement.innerText"), "Faults")
}

// tabsTo presses the tabulator until the focus is on something, which must be seen to have it.
func (p *person) tabsTo(name string) {
	p.t.Helper()
	var options []chromedp.KeyOption
	if js[bool](p, "look.isBefore(%s)", name) {
		options = append(options, chromedp.KeyModifiers(chromedp.ModifierShift))
	}
	for range 60 {
		p.do(chromedp.KeyEvent(kb.Tab, options...))
		if js[bool](p, "document.activeElement === look.named(%s)", name) {
			assert.NotEqual(p.t, "none", js[string](p, "getComputedStyle(document.activeElement).outlineStyle"), name)
			return
		}
	}
	require.Fail(p.t, "the tabulator does not lead to "+name)
}
