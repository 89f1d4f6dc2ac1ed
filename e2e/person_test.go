package e2e

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// look finds things in the page as a person does: by what is visible and how it is called.
//
//go:embed look.js
var look string

// size is that of a window.
type size struct {
	name          string
	width, height int64
}

var (
	wide  = size{"wide", 1280, 800}
	phone = size{"phone", 390, 844}
)

// person sits at the page. What the person does fails the test if it cannot be done in ten seconds.
type person struct {
	t      *testing.T
	ctx    context.Context
	narrow bool

	mu       sync.Mutex
	problems []string // that the browser has told of
}

// visit opens the page in a window of its own.
func visit(t *testing.T, s *sandbox, window size, scheme string) *person {
	t.Helper()
	p := &person{t: t, narrow: window.width < 700}
	var cancel context.CancelFunc
	p.ctx, cancel = chromedp.NewContext(browser, chromedp.WithListener(p.note))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(p.ctx)) // opens the window; a limit of this call would close it
	p.do(chromedp.EmulateViewport(window.width, window.height))
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	p.do(chromedp.Navigate(s.BaseURL + "/"))
	p.do(chromedp.Evaluate[chromedp.Void](look))
	return p
}

// note keeps what the browser complains about, such as what the policy of the page forbids.
func (p *person) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, exception(e.ExceptionDetails))
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || e.Entry.Source == log.EntrySourceViolation {
			p.problems = append(p.problems, e.Entry.Text)
		}
	}
}

func exception(details *runtime.ExceptionDetails) string {
	if details.Exception != nil {
		return details.Text + " " + details.Exception.Description
	}
	return details.Text
}

// leave checks that the browser had nothing to complain about.
func (p *person) leave() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	assert.Empty(p.t, p.problems)
}

func (p *person) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, actions...))
}

// call calls the browser's protocol.
func call[P, R any](p *person, command cdp.Command[P, R], params P) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, command, params)
	require.NoError(p.t, err)
}

// js runs an expression in the page and returns what it returns. Its arguments are encoded as JSON.
func js[T any](p *person, format string, args ...any) T {
	p.t.Helper()
	for i, arg := range args {
		encoded, err := json.Marshal(arg)
		require.NoError(p.t, err)
		args[i] = encoded
	}
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[T](fmt.Sprintf(format, args...)))
	require.NoError(p.t, err)
	return result
}

// until waits until a look at the page succeeds.
func (p *person) until(what string, looks func() bool) {
	p.t.Helper()
	for end := time.Now().Add(10 * time.Second); !looks(); {
		if time.Now().After(end) {
			p.shoot(p.t.Name() + "-failed")
			p.t.Fatalf("%s: not within 10 s; the page says:\n%s", what, js[string](p, "document.body.innerText"))
		}
		<-time.After(30 * time.Millisecond)
	}
}

// sees waits until a text is visible.
func (p *person) sees(text string) {
	p.t.Helper()
	p.until("sees "+text, func() bool { return js[bool](p, "look.sees(%s)", text) })
}

// seesNo waits until a text is not visible.
func (p *person) seesNo(text string) {
	p.t.Helper()
	p.until("no longer sees "+text, func() bool { return !js[bool](p, "look.sees(%s)", text) })
}

// clicks clicks the last thing with a name, with the mouse, where nothing else covers it, once it
// stands still. A click that misses it, as it has moved just then, is made again.
func (p *person) clicks(name string) {
	p.t.Helper()
	var at struct{ X, Y float64 }
	p.until("clicks "+name, func() bool {
		before := at
		at = js[struct{ X, Y float64 }](p, "look.place(%s)", name)
		if at.X == 0 || at != before {
			return false
		}
		p.do(chromedp.MouseClickXY(at.X, at.Y))
		return js[bool](p, "globalThis.look?.hit ?? true") // a click that leads to another page has hit
	})
}

// enters types something into the field with a label.
func (p *person) enters(label, text string) {
	p.t.Helper()
	p.clicks(label)
	p.run("document.activeElement.select?.()")
	p.do(chromedp.KeyEvent(text))
}

// run runs a statement in the page.
func (p *person) run(statement string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](statement))
}

// chooses chooses an option of the list with a label.
func (p *person) chooses(label, option string) {
	p.t.Helper()
	p.until("chooses "+option, func() bool { return js[bool](p, "look.choose(%s, %s)", label, option) })
}

// writes sends a message.
func (p *person) writes(text string) {
	p.t.Helper()
	p.goesTo("Chat")
	p.enters("Message", text)
	p.pressesEnter()
}

// pressesEnter presses the key as a keyboard does: what it types belongs to the press, and does not
// come if the page handles the press.
func (p *person) pressesEnter() { p.t.Helper(); p.pressesEnterWith(0) }

// shift is the key among those that are held down.
const shift = 8

func (p *person) pressesEnterWith(modifiers int64) {
	p.t.Helper()
	enter := input.DispatchKeyEventParams{Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, Modifiers: modifiers}
	enter.Type, enter.Text = input.DispatchKeyEventTypeKeyDown, "\r"
	call(p, input.DispatchKeyEvent, enter)
	enter.Type, enter.Text = input.DispatchKeyEventTypeKeyUp, ""
	call(p, input.DispatchKeyEvent, enter)
}

// goesTo goes to a part of the page, which on a phone is not visible at the same time as others.
func (p *person) goesTo(part string) {
	p.t.Helper()
	if p.narrow {
		p.clicks(part)
	}
}

// pastes puts what was copied into the message that is being written, and returns it.
func (p *person) pastes() string {
	p.t.Helper()
	p.goesTo("Chat")
	p.enters("Message", "x")
	p.run("document.activeElement.select()")
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Commands: []string{"paste"}})
	text := js[string](p, "document.activeElement.value")
	p.run("document.activeElement.select()")
	p.do(chromedp.KeyEvent(kb.Backspace))
	return text
}

// shoot writes a picture of the page if they are asked for.
func (p *person) shoot(name string) {
	p.t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	path := filepath.Join(*shots, strings.ReplaceAll(name, "/", "-")+".png")
	require.NoError(p.t, os.WriteFile(path, png, 0o644))
}
