package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strconv"
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
			messages, err := person.Messages()
			if err != nil {
				return err
			}
			if n := len(messages); n > 0 && messages[n-1]["role"] == "appMaker" {
				if actions, _ := messages[n-1]["actions"].([]any); len(actions) > 0 {
					action, _ := actions[rand.IntN(len(actions))].(map[string]any)
					id, _ := action["_id"].(string)
					_ = person.Tap(id) // a link does nothing
				}
			}
			if round < len(p.says) {
				_, err = person.Say(p.says[round])
			}
			if err == nil && p.id == "rosa" && round == len(p.says)-1 {
				err = person.Block()
			}
			if err != nil {
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

// visit does what an agent does in the browser: answers a question with buttons and a file.
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
	address, nonce := site+"/users/"+user.ID, smooch.NewSendToken()
	for range 2 { // the second time as a browser does after a reload
		if err := post(ctx, address, map[string]string{
			"nonce": nonce, "since": strconv.FormatInt(time.Now().UnixMilli(), 10), "text": "We have two. Which one?",
			"kind": "reply", "label": "With a trailer", "value": "TRAILER",
		}, ""); err != nil {
			return err
		}
	}
	if err := ida.Tap("TRAILER"); err != nil {
		return err
	}
	if err := post(ctx, address, map[string]string{
		"nonce": smooch.NewSendToken(), "since": strconv.FormatInt(time.Now().UnixMilli(), 10), "text": "Here is all about it.",
	}, "trailer.txt"); err != nil {
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
	if count != 4 {
		return errors.New("an answer is missing, or there twice")
	}
	return nil
}

// post sends the form of an answer as a browser does.
func post(ctx context.Context, address string, fields map[string]string, file string) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			return err
		}
	}
	if file != "" {
		part, err := form.CreateFormFile("file", file)
		if err != nil {
			return err
		}
		if _, err := part.Write([]byte("It carries two children of up to 40 kg.\n")); err != nil {
			return err
		}
	}
	if err := form.Close(); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := http.DefaultTransport.RoundTrip(req) // does not follow the redirect
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Println("POST", req.URL.Path[:7]+"…", resp.StatusCode)
	if resp.StatusCode != http.StatusSeeOther {
		return errors.New("the inbox did not send the answer")
	}
	return nil
}
