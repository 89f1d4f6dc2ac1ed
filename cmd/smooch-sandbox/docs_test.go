package main

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// block returns the code of a language in docs/sandbox.md.
func block(t *testing.T, language string) string {
	data, err := os.ReadFile("../../docs/sandbox.md")
	require.NoError(t, err)
	_, code, found := strings.Cut(string(data), "```"+language+"\n")
	require.True(t, found)
	code, _, _ = strings.Cut(code, "```\n")
	return code
}

// runBlock runs a test of the documentation as its reader does.
func runBlock(t *testing.T, language, file string, command ...string) string {
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Skip(command[0] + " is not installed")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(block(t, language)), 0o600))
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestJavaScriptOfDocs(t *testing.T) {
	t.Parallel()
	assert.Contains(t, runBlock(t, "js", "bot.test.mjs", "node", "--test"), "pass 1")
}

func TestPythonOfDocs(t *testing.T) {
	t.Parallel()
	assert.Contains(t, runBlock(t, "python", "test_bot.py", "python3", "-m", "unittest"), "Ran 1 test")
}

func TestGoOfDocs(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("docs_test.go")
	require.NoError(t, err)
	assert.Contains(t, string(data), block(t, "go"))
}

func TestBotAnswers(t *testing.T) {
	server := smoochtest.NewServer()
	defer server.Close()
	app := server.Client()

	// The bot: it answers each message of a user.
	receiver, err := smooch.NewWebhookReceiver(nil)
	require.NoError(t, err)
	smooch.Handle(receiver, func(ctx context.Context, e *smooch.MessageEvent) error {
		answer := smooch.TextMessage("You said: " + e.Messages[0].Text)
		_, err := app.Conversations.PostMessage(ctx, e.AppUser.ID, answer)
		return err
	})
	bot := httptest.NewServer(receiver)
	defer bot.Close()
	webhook, err := app.Webhooks.Create(t.Context(), smooch.WebhookCreate{
		Target: bot.URL, Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser},
	})
	require.NoError(t, err)
	require.NoError(t, receiver.AddSecret(webhook.Secret))

	_, err = app.AppUsers.Create(t.Context(), smooch.AppUserCreate{UserID: "ida"})
	require.NoError(t, err)
	ida := server.Person(server.App().ID, "ida", "whatsapp")
	_, err = ida.Say("Hello")
	require.NoError(t, err)
	require.NoError(t, server.WaitDeliveries(t.Context()))
	messages, err := ida.Messages()
	require.NoError(t, err)
	require.Len(t, messages, 2)
	assert.Equal(t, "You said: Hello", messages[1]["text"])
}
