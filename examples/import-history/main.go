// Command import-history posts the messages of a CSV file to the conversations of their users. It
// can be killed at any point and started again: it goes on where it stopped, and posts no message
// twice.
//
//	go run ./examples/import-history
//
// By default it makes up a file, starts a fake Smooch service in this process, and stops itself
// once on the way. With a file it imports that, into a smooch-sandbox or into the app of a key:
//
//	go run ./examples/import-history -sandbox http://127.0.0.1:8800 history.csv
//
//	SMOOCH_KEY_ID      the id of the key
//	SMOOCH_KEY_SECRET  the secret of the key
//	SMOOCH_BASE_URL    another address of the service, such as https://api.eu-1.smooch.io
//
// The first line of the file names its columns: id (unique in the file), user_id (your own id of
// the user), role (appUser or appMaker), sent_at and text. Messages of one user are posted in the
// order of the file, those of different users at the same time. The service dates a message when it
// is posted, so sent_at is kept in its metadata. It treats imported messages like any others:
// webhooks report them, and users get those of role appMaker on their channels.
//
// The journal, history.csv.journal, gets a line before each message is posted, with its send token,
// and one afterwards. A message with the first line only may have been posted, so the next run
// looks for its token in the user's history first; [smooch.WithSentSince] says what it cannot see.
// Do not run two imports of one file at once.
package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/examples/internal/progress"
	"github.com/smooch/smooch-go/examples/internal/service"
)

// arrival is how long a request of a process that was killed may still be under way.
const arrival = 2 * time.Second

func main() {
	sandbox := flag.String("sandbox", "", "address of a smooch-sandbox, such as http://127.0.0.1:8800")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *sandbox, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "import-history:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sandbox, path string) error {
	s, err := service.ForApp(ctx, sandbox)
	if err != nil {
		return err
	}
	defer s.Close()
	app, err := smooch.NewClient(smooch.AppJWT(s.KeyID, s.Secret), s.Options()...)
	if err != nil {
		return err
	}
	switch {
	case path != "":
		return importFile(ctx, app, path)
	case s.Real:
		return errors.New("name the file")
	}
	return runDemo(ctx, app)
}

// row is a message of the file.
type row struct {
	id, userID string
	message    smooch.MessagePost
}

// readRows reads the whole file, so that nothing is posted if a part of it is wrong.
func readRows(path string) ([]row, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil || len(records) == 0 {
		return nil, errors.Join(fmt.Errorf("%s has no line, or one that is not CSV", path), err)
	}
	var rows []row
	seen := map[string]bool{"": true}
	for _, record := range records[1:] {
		value := map[string]string{}
		for i, name := range records[0] {
			value[name] = record[i]
		}
		r := row{value["id"], value["user_id"], smooch.TextMessage(value["text"])}
		r.message.Role = smooch.Role(value["role"])
		r.message.Metadata = map[string]any{"sentAt": value["sent_at"]}
		switch {
		case seen[r.id]:
			return nil, fmt.Errorf("%s: the id %q is empty, or not the only one", path, r.id)
		case r.userID == "" || r.message.Text == "":
			return nil, fmt.Errorf("%s: the message %q has no user_id or text", path, r.id)
		case r.message.Role != smooch.RoleAppUser && r.message.Role != smooch.RoleAppMaker:
			return nil, fmt.Errorf("%s: the message %q has no role appUser or appMaker", path, r.id)
		}
		seen[r.id] = true
		rows = append(rows, r)
	}
	return rows, nil
}

type importer struct {
	app     *smooch.Client
	journal *journal
	bar     *progress.Bar
	refused atomic.Int64
}

func importFile(ctx context.Context, app *smooch.Client, path string) error {
	rows, err := readRows(path)
	if err != nil {
		return err
	}
	j, err := openJournal(path + ".journal")
	if err != nil {
		return err
	}
	defer j.file.Close()
	users, done := map[string][]row{}, 0
	for _, r := range rows {
		if j.before[r.id].Posted != "" {
			done++
			continue
		}
		users[r.userID] = append(users[r.userID], r)
	}
	im := &importer{app: app, journal: j, bar: progress.Start(os.Stderr, "messages", len(rows), done)}
	defer im.bar.Stop()
	err = im.postAll(ctx, users)
	if n := im.refused.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("the service refused %d messages; the next run tries them again", n))
	}
	return err
}

// postAll posts the messages of eight users at a time, until one cannot be posted.
func (im *importer) postAll(ctx context.Context, users map[string][]row) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	queue := make(chan []row)
	for range 8 {
		workers.Go(func() {
			for rows := range queue {
				if err := im.postUser(ctx, rows); err != nil {
					cancel(fmt.Errorf("%w; run it again to go on", err))
				}
			}
		})
	}
	for _, rows := range users {
		queue <- rows
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

// postUser posts the messages of one user, in order.
func (im *importer) postUser(ctx context.Context, rows []row) error {
	if err := ensureUser(ctx, im.app, rows[0].userID); err != nil {
		return err
	}
	for _, r := range rows {
		err := im.post(ctx, r)
		switch {
		case errors.Is(err, smooch.ErrOutcomeUnknown):
			return fmt.Errorf("the message %q: %w", r.id, err)
		case errors.Is(err, smooch.ErrBadRequest), errors.Is(err, smooch.ErrTooLarge), errors.Is(err, smooch.ErrConversationFull):
			im.refused.Add(1) // the others may be better
			im.bar.Println(fmt.Sprintf("the message %q: %v", r.id, err))
		case err != nil:
			return fmt.Errorf("the message %q: %w", r.id, err)
		}
	}
	return nil
}

// post posts one message.
func (im *importer) post(ctx context.Context, r row) error {
	e, inDoubt := im.journal.before[r.id]
	if !inDoubt {
		e = entry{ID: r.id, Token: smooch.NewSendToken(), At: time.Now()}
	}
	if err := im.journal.add(e); err != nil {
		return err
	}
	options := []smooch.CallOption{smooch.WithSendToken(e.Token)}
	if inDoubt { // an earlier run may have posted it
		options = append(options, smooch.WithSentSince(e.At))
	}
	answer, err := im.app.Conversations.PostMessage(ctx, r.userID, r.message, options...)
	if err != nil {
		return err
	}
	im.bar.Add(1)
	return im.journal.add(entry{ID: r.id, Posted: answer.Message.ID})
}

// ensureUser creates the user if there is none.
func ensureUser(ctx context.Context, app *smooch.Client, userID string) error {
	_, err := app.AppUsers.Get(ctx, userID)
	if !errors.Is(err, smooch.ErrNotFound) {
		return err
	}
	_, err = app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: userID})
	if errors.Is(err, smooch.ErrConflict) || errors.Is(err, smooch.ErrOutcomeUnknown) {
		_, err = app.AppUsers.Get(ctx, userID)
	}
	return err
}

// entry is a line of the journal. Only that from before the message is posted has Token and At.
type entry struct {
	ID     string    `json:"id"`
	Token  string    `json:"token,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Posted string    `json:"posted,omitempty"`
}

// journal is the file that says what has been done.
type journal struct {
	file   *os.File
	before map[string]entry // what earlier runs have written, by id
}

func openJournal(path string) (*journal, error) {
	if info, err := os.Stat(path); err == nil {
		time.Sleep(time.Until(info.ModTime().Add(arrival)))
	}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	j := &journal{before: map[string]entry{}}
	for line := range bytes.Lines(content) {
		var e entry
		if json.Unmarshal(line, &e) != nil {
			continue // it was cut off: nothing has been posted since, or it is looked for
		}
		j.before[e.ID] = e
	}
	if j.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	_, err = j.file.WriteString("\n") // ends a line that was cut off
	return j, err
}

// add writes a line, in one piece. One that precedes a message is on the disk when add returns, so
// that a power failure does no harm either.
func (j *journal) add(e entry) error {
	if err := json.NewEncoder(j.file).Encode(e); err != nil || e.Posted != "" {
		return err
	}
	return j.file.Sync()
}

// runDemo makes up a file, imports a part of it, and then the rest.
func runDemo(ctx context.Context, app *smooch.Client) error {
	path := filepath.Join(os.TempDir(), "import-history-"+smooch.NewSendToken()+".csv")
	defer func() { _ = errors.Join(os.Remove(path), os.Remove(path+".journal")) }()
	text := []byte("id,user_id,role,sent_at,text\n")
	for i := range 3000 {
		text = fmt.Appendf(text, "%d,customer-%d,appUser,2019-04-01T09:30:00Z,Message %d\n", i, i%40, i)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	fmt.Println("The first run is stopped on the way:")
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_ = importFile(short, app, path) // fails, as its time is up
	fmt.Println("The second one goes on:")
	return importFile(ctx, app, path)
}
