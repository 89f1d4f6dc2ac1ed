package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// TestMain runs the program itself in the processes that the test starts.
func TestMain(m *testing.M) {
	if os.Getenv("IMPORT_HISTORY_TEST") == "" {
		os.Exit(m.Run())
	}
	main()
}

// TestKilled: an import that is killed again and again, and that loses answers, posts each message
// once and in order.
func TestKilled(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	require.NoError(t, err)
	server := smoochtest.NewServer()
	defer server.Close()
	// Whoever loses an answer is killed while it looks for the message.
	lift := server.Fail(smoochtest.Fault{Method: "GET", Path: "/messages", Delay: 200 * time.Millisecond, Times: -1})

	const users, messages, kills = 20, 2000, 4
	want := map[string][]string{} // texts by user
	var file bytes.Buffer
	lines := csv.NewWriter(&file)
	require.NoError(t, lines.Write([]string{"text", "sent_at", "role", "user_id", "id"}))
	for i := range messages {
		user, text := "user "+strconv.Itoa(rand.IntN(users)), fmt.Sprintf("No. %d, \"quoted\"\nand on two lines", i)
		want[user] = append(want[user], text)
		require.NoError(t, lines.Write([]string{text, "2019-04-01", "appMaker", user, "order/" + strconv.Itoa(i)}))
	}
	lines.Flush()
	path := filepath.Join(t.TempDir(), "history.csv")
	require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))

	key := server.App().Key
	run := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), program, path)
		cmd.Env = append(os.Environ(), "SMOOCH_KEY_ID="+key.KeyID, "SMOOCH_KEY_SECRET="+key.Secret, "SMOOCH_BASE_URL="+server.URL, "IMPORT_HISTORY_TEST=1")
		cmd.Stderr = &bytes.Buffer{}
		require.NoError(t, cmd.Start())
		return cmd
	}
	for range kills {
		cmd := run()
		before := size(path + ".journal")
		for size(path+".journal") < before+100*messages/(kills+2) { // more than 100 bytes a message
			time.Sleep(time.Millisecond)
		}
		server.Fail(smoochtest.Fault{Method: "POST", Path: "/messages", Cut: smoochtest.CutAfter, Times: 5})
		time.Sleep(10*time.Millisecond + rand.N(50*time.Millisecond))
		require.NoError(t, cmd.Process.Kill())
		err := cmd.Wait()
		exit, died := errors.AsType[*exec.ExitError](err)
		require.True(t, died, "%v", err)
		assert.Equal(t, -1, exit.ExitCode(), "killed, not ended: %s", cmd.Stderr)
		journal, err := os.OpenFile(path+".journal", os.O_WRONLY|os.O_APPEND, 0)
		require.NoError(t, err)
		_, err = journal.WriteString(`{"id":"order/1999","tok`) // as a power failure may leave it
		require.NoError(t, err)
		require.NoError(t, journal.Close())
	}
	cmd := run()
	require.NoError(t, cmd.Wait(), "%s", cmd.Stderr)
	assert.Contains(t, fmt.Sprint(cmd.Stderr), "2,000 of 2,000 messages")

	lift()
	for user, texts := range want {
		var got []string
		for m, err := range server.Client().Conversations.Messages(t.Context(), user, smooch.MessageListOptions{OldestFirst: true}) {
			require.NoError(t, err)
			got = append(got, m.Text)
		}
		assert.Equal(t, texts, got, user)
	}
}

// size returns the size of a file, 0 if there is none.
func size(path string) int {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return int(info.Size())
}
