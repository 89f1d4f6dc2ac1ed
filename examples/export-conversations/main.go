// Command export-conversations writes the conversations of users to a file in the format JSON
// Lines: one message a line, with the id of its user. It keeps no more than a page of each
// conversation in memory.
//
//	go run ./examples/export-conversations
//
// By default it starts a fake Smooch service in this process, and exports conversations that it has
// made up there. From a smooch-sandbox or the app of a key it exports those of the users in a file.
// It has your own id or the _id of one user a line, as the API has no list of users; - is the
// standard input.
//
//	go run ./examples/export-conversations -sandbox http://127.0.0.1:8800 -o out.jsonl users.txt
//
//	SMOOCH_KEY_ID      the id of the key
//	SMOOCH_KEY_SECRET  the secret of the key
//	SMOOCH_BASE_URL    another address of the service, such as https://api.eu-1.smooch.io
//
// The messages of a user are in their order, while several users are exported at a time. A file of
// the name out.jsonl is complete: until then it is called out.jsonl.part. Without -o the messages
// go to the standard output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/examples/internal/progress"
	"github.com/smooch/smooch-go/examples/internal/service"
)

func main() {
	sandbox := flag.String("sandbox", "", "address of a smooch-sandbox, such as http://127.0.0.1:8800")
	output := flag.String("o", "", "the file to write, by default the standard output")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *sandbox, *output, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "export-conversations:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sandbox, output, list string) error {
	s, err := service.ForApp(ctx, sandbox)
	if err != nil {
		return err
	}
	defer s.Close()
	app, err := smooch.NewClient(smooch.AppJWT(s.KeyID, s.Secret), s.Options()...)
	if err != nil {
		return err
	}
	if list == "" && !s.Real {
		return runDemo(ctx, app)
	}
	users, err := readUsers(list)
	if err != nil {
		return err
	}
	return exportTo(ctx, app, users, output)
}

// readUsers reads the ids of the users. A user who is listed twice is exported once.
func readUsers(path string) ([]string, error) {
	if path == "" {
		return nil, errors.New("name the file with the users")
	}
	file := os.Stdin
	if path != "-" {
		var err error
		if file, err = os.Open(path); err != nil {
			return nil, err
		}
		defer file.Close()
	}
	var users []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if id := strings.TrimSpace(lines.Text()); id != "" {
			users = append(users, id)
		}
	}
	slices.Sort(users)
	return slices.Compact(users), lines.Err()
}

// exportTo writes the conversations to the file, or to the standard output if the name is empty.
func exportTo(ctx context.Context, app *smooch.Client, users []string, name string) error {
	if name == "" {
		return export(ctx, app, users, os.Stdout)
	}
	file, err := os.OpenFile(name+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(export(ctx, app, users, file), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(name+".part", name)
}

// exporter writes conversations, each from a goroutine of its own.
type exporter struct {
	app *smooch.Client
	bar *progress.Bar

	mu       sync.Mutex
	out      *json.Encoder
	messages int
	without  int // users without a conversation
}

// export writes the conversations of eight users at a time, until one cannot be read or written.
func export(ctx context.Context, app *smooch.Client, users []string, out io.Writer) error {
	buffered := bufio.NewWriter(out)
	x := &exporter{app: app, bar: progress.Start(os.Stderr, "users", len(users), 0), out: json.NewEncoder(buffered)}
	x.out.SetEscapeHTML(false)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	queue := make(chan string)
	for range 8 {
		workers.Go(func() {
			for userID := range queue {
				if err := x.user(ctx, userID); err != nil {
					cancel(fmt.Errorf("the user %q: %w", userID, err))
				}
			}
		})
	}
	for _, userID := range users {
		queue <- userID
	}
	close(queue)
	workers.Wait()
	x.bar.Stop()
	fmt.Fprintf(os.Stderr, "%d messages; %d users have no conversation\n", x.messages, x.without)
	return errors.Join(context.Cause(ctx), buffered.Flush())
}

// line is a message in the file. It has the fields of the API that the SDK knows; for all of them,
// take the body from the [smooch.Response] that [smooch.WithResponse] fills in for each page.
type line struct {
	UserID string `json:"userId"`
	*smooch.Message
}

// user writes the conversation of one user.
func (x *exporter) user(ctx context.Context, userID string) error {
	history := x.app.Conversations.Messages(ctx, userID, smooch.MessageListOptions{OldestFirst: true})
	for message, err := range history {
		if errors.Is(err, smooch.ErrNotFound) {
			x.mu.Lock()
			x.without++
			x.mu.Unlock()
			break
		}
		if err != nil {
			return err
		}
		if err := x.write(line{userID, message}); err != nil {
			return err
		}
	}
	x.bar.Add(1)
	return nil
}

func (x *exporter) write(l line) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.messages++
	return x.out.Encode(l)
}

// runDemo makes up some conversations, exports them to a file and shows the beginning of it.
func runDemo(ctx context.Context, app *smooch.Client) error {
	var users []string
	for i := range 50 {
		userID := fmt.Sprintf("customer-%d", i)
		users = append(users, userID)
		_, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: userID})
		if err != nil && !errors.Is(err, smooch.ErrConflict) { // of an earlier run
			return err
		}
		for j := range i * 3 {
			message := smooch.TextMessage(fmt.Sprintf("Message %d of %s", j, userID))
			if _, err := app.Conversations.PostMessage(ctx, userID, message); err != nil {
				return err
			}
		}
	}
	file, err := os.CreateTemp("", "export-*.jsonl")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := exportTo(ctx, app, users, file.Name()); err != nil {
		return err
	}
	written, err := os.Open(file.Name())
	if err != nil {
		return err
	}
	defer written.Close()
	lines := bufio.NewScanner(written)
	for range 3 {
		lines.Scan()
		fmt.Println(lines.Text())
	}
	return lines.Err()
}
