package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// chunkSize is how many recipients a worker claims at once.
const chunkSize = 100

// A campaign is what must not change between two starts. It is in campaign.json of its directory.
type campaign struct {
	ID     string // of this campaign; part of each send token
	Text   string // of the messages, with {column} for a column of the file
	CSV    string // the file of the recipients
	SHA256 string // of the file

	dir        string
	recipients []recipient
}

// A recipient is a row of the file.
type recipient struct {
	userID string
	text   string
	again  bool // the file has the user in an earlier row, too
}

// openCampaign opens the campaign of a directory, or begins a new one there. Without a file it
// writes one with n recipients.
func openCampaign(dir, file, text string, n int) (*campaign, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "campaign.json")
	c := &campaign{dir: dir}
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := json.Unmarshal(data, c); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if file != "" && file != c.CSV || text != "" && text != c.Text {
			return nil, fmt.Errorf("%s holds a campaign with another file or text: take another directory", dir)
		}
		return c, c.load()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	c.ID, c.CSV, c.Text = rand.Text(), file, text
	if c.Text == "" {
		c.Text = "Hello {name}, the spring catalogue is here."
	}
	if c.CSV == "" {
		c.CSV = filepath.Join(dir, "recipients.csv")
		if err := writeRecipients(c.CSV, n); err != nil {
			return nil, err
		}
	}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, c.save(path)
}

func (c *campaign) save(path string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return writeSynced(path, data)
}

// writeRecipients writes a file with n recipients.
func writeRecipients(path string, n int) error {
	var b bytes.Buffer
	b.WriteString("userId,name\n")
	for i := range n {
		fmt.Fprintf(&b, "user-%06d,Friend %d\n", i+1, i+1)
	}
	return writeSynced(path, b.Bytes())
}

// load reads the file of the recipients, which must be as it was when the campaign began.
func (c *campaign) load() error {
	data, err := os.ReadFile(c.CSV)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	if c.SHA256 == "" {
		c.SHA256 = hex.EncodeToString(sum[:])
	}
	if c.SHA256 != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("%s has changed since the campaign began", c.CSV)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", c.CSV, err)
	}
	if len(rows) < 2 || rows[0][0] != "userId" {
		return fmt.Errorf("%s needs a line of column names, the first of them userId, and a line for each recipient", c.CSV)
	}
	seen := make(map[string]bool, len(rows))
	for _, row := range rows[1:] {
		var columns []string
		for i, name := range rows[0] {
			columns = append(columns, "{"+name+"}", row[i])
		}
		c.recipients = append(c.recipients, recipient{row[0], strings.NewReplacer(columns...).Replace(c.Text), seen[row[0]]})
		seen[row[0]] = true
	}
	return nil
}

// chunks returns the number of chunks.
func (c *campaign) chunks() int { return (len(c.recipients) + chunkSize - 1) / chunkSize }

// rows returns the first row of a chunk, and the one after its last.
func (c *campaign) rows(chunk int) (first, end int) {
	return chunk * chunkSize, min((chunk+1)*chunkSize, len(c.recipients))
}

// token returns the send token of the message to a user.
func (c *campaign) token(userID string) string {
	sum := sha256.Sum256([]byte(c.ID + "\n" + userID))
	return hex.EncodeToString(sum[:16])
}

func (c *campaign) journalPath(chunk int) string {
	return filepath.Join(c.dir, fmt.Sprintf("chunk-%05d.log", chunk))
}

// A journal is the file of a chunk. It is there, and on the disk, before the first message of the
// chunk is sent. Whoever finds it does not know which of its messages were sent, apart from those
// whose outcome it holds.
//
//	begun 2026-11-21T09:00:00Z
//	sent 17
//	none 18 404 not_found
type journal struct {
	file    *os.File
	begun   time.Time // the first time
	resumed bool      // someone else has begun it

	mu       sync.Mutex
	outcomes map[int]string // by row: "" is sent, anything else why not
}

// openJournal opens or begins the journal of a chunk, for the worker that has claimed the chunk.
func (c *campaign) openJournal(chunk int) (*journal, error) {
	file, err := os.OpenFile(c.journalPath(chunk), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file.Name())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	j := &journal{file: file}
	var whole int
	j.begun, j.outcomes, whole = parseJournal(data)
	j.resumed = !j.begun.IsZero()
	err = file.Truncate(int64(whole))
	if err == nil && !j.resumed {
		j.begun = time.Now()
		err = errors.Join(j.append("begun "+j.begun.UTC().Format(time.RFC3339Nano)), file.Sync(), syncDir(c.dir))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return j, nil
}

// parseJournal reads a journal up to its last whole line, which ends at byte whole.
func parseJournal(data []byte) (begun time.Time, outcomes map[int]string, whole int) {
	whole = bytes.LastIndexByte(data, '\n') + 1
	outcomes = map[int]string{}
	for line := range strings.Lines(string(data[:whole])) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		number, reason, _ := strings.Cut(rest, " ")
		row, err := strconv.Atoi(number)
		switch {
		case kind == "begun" && begun.IsZero():
			begun, _ = time.Parse(time.RFC3339Nano, rest)
		case kind == "sent" && err == nil:
			outcomes[row] = ""
		case kind == "none" && err == nil && reason != "":
			outcomes[row] = reason
		}
	}
	return begun, outcomes, whole
}

// knows reports whether the outcome of a row is known.
func (j *journal) knows(row int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, known := j.outcomes[row]
	return known
}

// record writes the outcome of a row: "" is sent, anything else why not.
func (j *journal) record(row int, reason string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.outcomes[row] = reason
	if reason == "" {
		return j.append(fmt.Sprintf("sent %d", row))
	}
	return j.append(fmt.Sprintf("none %d %s", row, strings.Join(strings.Fields(reason), " ")))
}

// append writes a line, in one piece. It survives the end of this process. If the machine fails,
// the line may be lost, and the message is looked for before it is sent again.
func (j *journal) append(line string) error {
	_, err := j.file.WriteString(line + "\n")
	return err
}

func writeSynced(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	return errors.Join(err, syncDir(filepath.Dir(path)))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
