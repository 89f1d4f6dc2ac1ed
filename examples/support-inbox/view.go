package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/smooch/smooch-go"
)

// view is what the template shows.
type view struct {
	Rows    []row
	Unread  int
	User    *smooch.AppUser // nil: none is chosen
	Items   []item
	Before  int64  // the page ends before this time, in Unix milliseconds; 0: with the newest message
	Older   int64  // the next page does; 0: there is none
	Problem string // with reading
	Form    form
}

// row is a conversation in the list.
type row struct {
	ID, Name, Text, Time string
	Unread, Current      bool
	at                   time.Time
}

// item is a message, a tap or the beginning of a day.
type item struct {
	ID, Class  string          // of the element
	Message    *smooch.Message // nil: Text is all
	Text, Time string
	Failure    string // why it has not arrived
	at         time.Time
}

// rows returns the list, the latest conversation first, and how many are unread.
func (in *inbox) rows(current string) (rows []row, unread int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	chosen := ""
	if current != "" {
		chosen = in.survivor(current)
	}
	for id, c := range in.conversations {
		r := row{ID: id, Name: name(c.user), Text: snippet(c), Time: when(c.active()), Unread: c.unread(), Current: id == chosen, at: c.active()}
		if r.Unread {
			unread++
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.ID, b.ID)) })
	return rows, unread
}

// fill puts messages, in their order, and taps between them, under the days.
func (v *view) fill(messages []*smooch.Message, c conversation) {
	for _, m := range messages {
		class := "out"
		if m.Role == smooch.RoleAppUser {
			class = "in"
		}
		v.Items = append(v.Items, item{ID: "m-" + m.ID, Class: class, Message: m, Failure: c.failures[m.ID], at: m.Received.Time})
	}
	for _, t := range c.taps {
		early := t.at.Before(time.UnixMilli(v.Older))
		late := v.Before > 0 && !t.at.Before(time.UnixMilli(v.Before))
		if !early && !late {
			v.Items = append(v.Items, item{ID: "t-" + t.at.Format(time.RFC3339Nano), Class: "tap", Text: name(c.user) + " tapped “" + t.what + "”", at: t.at})
		}
	}
	slices.SortStableFunc(v.Items, func(a, b item) int { return a.at.Compare(b.at) })
	var days []item
	for i, each := range v.Items {
		each.Time = each.at.Local().Format("15:04")
		if next := i + 1; next < len(v.Items) && each.Failure == "" && v.Items[next].Class == each.Class &&
			v.Items[next].at.Truncate(time.Minute).Equal(each.at.Truncate(time.Minute)) {
			each.Time = "" // the last message of a minute has it
		}
		if i == 0 || day(each.at) != day(v.Items[i-1].at) {
			days = append(days, item{ID: "d-" + each.at.Local().Format(time.DateOnly), Class: "day", Text: day(each.at)})
		}
		days = append(days, each)
	}
	v.Items = days
}

func day(t time.Time) string {
	t, now := t.Local(), time.Now()
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return "Today"
	case t.Format(time.DateOnly) == now.AddDate(0, 0, -1).Format(time.DateOnly):
		return "Yesterday"
	case t.Year() == now.Year():
		return t.Format("Monday, 2 January")
	}
	return t.Format("2 January 2006")
}

// when is the time of a conversation in the list.
func when(t time.Time) string {
	switch d := day(t); {
	case t.IsZero():
		return ""
	case d == "Today":
		return t.Local().Format("15:04")
	case d == "Yesterday":
		return d
	case t.Local().Year() == time.Now().Year():
		return t.Local().Format("2 Jan")
	}
	return t.Local().Format("Jan 2006")
}

// name returns how a user is called.
func name(u smooch.AppUser) string {
	full := strings.TrimSpace(u.GivenName + " " + u.Surname)
	return cmp.Or(full, u.Email, u.UserID, "Visitor "+u.ID[max(0, len(u.ID)-4):])
}

// channels names the channels of a user.
func channels(u smooch.AppUser) string {
	var names []string
	for _, client := range u.Clients {
		platform := string(client.Platform)
		known := map[string]string{"whatsapp": "WhatsApp", "messenger": "Messenger", "telegram": "Telegram", "web": "Web", "line": "LINE"}
		names = append(names, cmp.Or(known[platform], platform))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// snippet is the last message in one line.
func snippet(c *conversation) string {
	if n := len(c.taps); n > 0 && c.taps[n-1].at.After(c.last.Received.Time) {
		return "Tapped “" + c.taps[n-1].what + "”"
	}
	text := strings.TrimSpace(cmp.Or(c.last.Text, c.last.TextFallback))
	if text == "" && c.last.Type != "" {
		text = strings.ToUpper(string(c.last.Type[:1])) + string(c.last.Type[1:])
	}
	if runes := []rune(text); len(runes) > 120 {
		text = string(runes[:120]) + "…"
	}
	if c.last.Role != smooch.RoleAppUser && text != "" {
		return "You: " + text
	}
	return text
}
