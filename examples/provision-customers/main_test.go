package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// TestMain runs the program itself in the processes that the test starts.
func TestMain(m *testing.M) {
	if os.Getenv("PROVISION_CUSTOMERS_TEST") == "" {
		os.Exit(m.Run())
	}
	main()
}

// TestKilled: a run that is killed at any point leaves nothing that the next one does not find.
// Each customer has one app, one key and one webhook in the end, and they are those in the file.
func TestKilled(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	require.NoError(t, err)
	server := smoochtest.NewServer()
	defer server.Close()
	server.Fail(smoochtest.Fault{Method: "POST", Delay: 10 * time.Millisecond, Times: -1})

	const customers = 24
	var list bytes.Buffer
	for i := range customers {
		fmt.Fprintf(&list, "org/%d,\"Customer, No. %d\"\n", i, i)
	}
	dir := t.TempDir()
	input, output := filepath.Join(dir, "customers.csv"), filepath.Join(dir, "customers.json")
	require.NoError(t, os.WriteFile(input, list.Bytes(), 0o600))
	account := server.Account()
	run := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), program, "-o", output, input)
		cmd.Env = append(os.Environ(), "SMOOCH_KEY_ID="+account.KeyID, "SMOOCH_KEY_SECRET="+account.Secret, "SMOOCH_BASE_URL="+server.URL, "PROVISION_CUSTOMERS_TEST=1")
		cmd.Stderr = &bytes.Buffer{}
		require.NoError(t, cmd.Start())
		return cmd
	}
	for range 6 {
		cmd := run()
		before := len(server.Requests())
		for len(server.Requests()) == before {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rand.N(300 * time.Millisecond))
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		assert.NoFileExists(t, output)
	}
	cmd := run()
	require.NoError(t, cmd.Wait(), "%s", cmd.Stderr)

	text, err := os.ReadFile(output)
	require.NoError(t, err)
	var written []customer
	require.NoError(t, json.Unmarshal(text, &written))
	require.Len(t, written, customers)
	byApp := map[string]customer{}
	for _, c := range written {
		byApp[c.AppID] = c
	}
	client := server.Client()
	found := 0
	for app, err := range client.Apps.All(t.Context(), smooch.AppListOptions{}) {
		require.NoError(t, err)
		if app.ID == server.App().ID {
			continue // it was there before
		}
		found++
		c := byApp[app.ID]
		assert.Equal(t, c.ID, app.Metadata[metadataKey])
		keys, err := client.ForApp(app.ID).Keys.List(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []smooch.Key{{ID: c.KeyID, Secret: c.Secret, Name: keyName}}, keys)
		webhooks, err := client.ForApp(app.ID).Webhooks.List(t.Context())
		require.NoError(t, err)
		if assert.Len(t, webhooks, 1) {
			assert.Equal(t, c.WebhookID, webhooks[0].ID)
			assert.Equal(t, c.WebhookSecret, webhooks[0].Secret)
		}
	}
	assert.Equal(t, customers, found)
}
