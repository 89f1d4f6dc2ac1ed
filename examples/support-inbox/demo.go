package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// people who write to the fake service, each on a channel.
var people = []struct {
	id, given, surname, channel string
	says                        []string
}{
	{"ida", "Ida", "Lind", "whatsapp", []string{
		"Hello! Do you rent bicycles that carry two children?", "From Friday to Sunday, if that is possible.",
		"Is a helmet for a three-year-old included?", "Thank you, that helps a lot.",
	}},
	{"yusuf", "يوسف", "حداد", "telegram", []string{
		"مرحبا، هل متجركم مفتوح يوم الأحد؟", "أحتاج إلى إصلاح الفرامل.", "شكرا جزيلا!",
	}},
	{"rosa", "Rosa", "Klein", "messenger", []string{
		"Is my order on its way?", "It was to be here on Tuesday.\nThe number is 10-2281.", "I don't have time for this.",
	}},
}

// play lets the people write now and then, and tap what they are offered, until the context ends.
// Rosa blocks the business in the end, so what is sent to her afterwards is not delivered.
func play(ctx context.Context, fake *smoochtest.Server) error {
	appID, app := fake.App().ID, fake.Client()
	for round := 0; ; round++ {
		for _, p := range people {
			if round == 0 {
				if _, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: p.id, GivenName: p.given, Surname: p.surname}); err != nil {
					return err
				}
			}
			person := fake.Person(appID, p.id, p.channel)
			page, err := app.Conversations.ListMessages(ctx, p.id, smooch.MessageListOptions{})
			if err == nil && len(page.Messages) > 0 {
				if offered := page.Messages[len(page.Messages)-1].Actions; len(offered) > 0 {
					_ = person.Tap(offered[rand.IntN(len(offered))].ID) // a link does nothing
				}
			}
			if round < len(p.says) {
				_, err = person.Say(p.says[round])
			}
			if err == nil && p.id == "rosa" && round == len(p.says)-1 {
				err = person.Block()
			}
			if err != nil && ctx.Err() == nil {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Duration(2+rand.IntN(4+8*min(round, 1))) * time.Second):
			}
		}
	}
}

// visit does what an agent does in the browser: answers a question with a button.
func visit(ctx context.Context, fake *smoochtest.Server, app *smooch.Client, site string) error {
	user, err := app.AppUsers.Create(ctx, smooch.AppUserCreate{UserID: "ida", GivenName: "Ida"})
	if err != nil {
		return err
	}
	ida := fake.Person(fake.App().ID, "ida", "whatsapp")
	if _, err := ida.Say("Do you have a bicycle for two children?"); err != nil {
		return err
	}
	if err := fake.WaitDeliveries(ctx); err != nil {
		return err
	}
	answer := url.Values{
		"nonce": {smooch.NewSendToken()}, "since": {strconv.FormatInt(time.Now().UnixMilli(), 10)},
		"text": {"We have two. Which one?"}, "kind": {"reply"}, "label": {"With a trailer"}, "value": {"TRAILER"},
	}
	for range 2 { // the second time as a browser does after a reload
		if err := post(ctx, site+"/users/"+user.ID, answer); err != nil {
			return err
		}
	}
	if err := ida.Tap("TRAILER"); err != nil {
		return err
	}
	count := 0
	for m, err := range app.Conversations.Messages(ctx, user.ID, smooch.MessageListOptions{OldestFirst: true}) {
		if err != nil {
			return err
		}
		count++
		fmt.Printf("%-8s  %-4s  %s\n", m.Role, m.Type, m.Text)
	}
	if count != 3 {
		return errors.New("an answer is missing, or there twice")
	}
	return nil
}

// post sends the form of an answer as a browser does.
func post(ctx context.Context, address string, answer url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(answer.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req) // does not follow the redirect
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Println("POST /users/{id}", resp.StatusCode)
	if resp.StatusCode != http.StatusSeeOther {
		return errors.New("the inbox did not send the answer")
	}
	return nil
}
