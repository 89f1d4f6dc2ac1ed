package smooch

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// eventFile returns the event of a file in testdata/webhooks.
func eventFile(t *testing.T, name string) Event {
	t.Helper()
	data, err := os.ReadFile("testdata/webhooks/" + name)
	require.NoError(t, err)
	return parseEvent(t, string(data))
}

func TestEventKeys(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"v1/message-appUser.json":  "message:appUser|f1,f2",
		"v1/message-old.json":      "message:appMaker|f1", // by the role
		"v1/message-appMaker.json": EventKey(eventFile(t, "v1.1/message-appMaker.json")),
		"v1/delivery-success.json": "message:delivery:channel|viber|f1", // as in v1.1
		"v1/payment.json":          "payment:success|ch_0",
		"v1/link-match.json":       EventKey(eventFile(t, "v1.1/link-match.json")),
		"v1.1/merge.json":          EventKey(eventFile(t, "v1/merge.json")) + ",b3",
		"v1.1/postback.json":       "postback|m1/p1|b1|1540000000.5",
		"v1.1/postback-menu.json":  "postback|p1|b1",
		"v1.1/typing.json":         "typing:appUser|b1|1540000400|typing:start",
	}
	for file, want := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, want, EventKey(eventFile(t, file)))
		})
	}
}

// TestFactOf: "body" stands for the key of an event that lacks the ids that name its fact.
func TestFactOf(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("m", 250)
	tests := []struct {
		name, body string
		want       fact
	}{
		{
			"message, by the role",
			`{"trigger":"message","appUser":{"_id":"a"},"messages":[{"_id":"m","role":"appMaker"}]}`,
			fact{key: "message:appMaker|m", order: "a"},
		},
		{
			"message without a role",
			`{"trigger":"message:appUser","appUser":{"_id":"a"},"messages":[{"_id":"m"},{"_id":"n"}]}`,
			fact{key: "message:appUser|m,n", order: "a"},
		},
		{
			"message without one of its ids",
			`{"trigger":"message:appUser","appUser":{"_id":"a"},"messages":[{"_id":"m","role":"appUser"},{"text":"hi"}]}`,
			fact{key: "body", order: "a", recurs: true},
		},
		{
			"message without an id, but with a timestamp",
			`{"trigger":"message:appUser","appUser":{"_id":"a"},"messages":[{"text":"hi"}],"timestamp":1.5}`,
			fact{key: "body", order: "a"},
		},
		{
			"ids that are too long",
			`{"trigger":"message:appUser","messages":[{"_id":"` + long + `"}]}`,
			fact{key: "message:appUser|" + hash([]byte("message:appUser|"+long))},
		},
		{
			"delivery",
			`{"trigger":"delivery:failure","appUser":{"_id":"a"},"messages":[{"_id":"m"}],"destination":{"type":"line"}}`,
			fact{key: "message:delivery:failure|line|m", order: "a"},
		},
		{
			"delivery to an unknown destination",
			`{"trigger":"message:delivery:user","appUser":{"_id":"a"},"message":{"_id":"m"}}`,
			fact{key: "message:delivery:user|m", order: "a"},
		},
		{
			"postback of a message",
			`{"trigger":"postback","appUser":{"_id":"a"},"postbacks":[{"action":{"_id":"p"},"message":{"_id":"m"}}],"timestamp":1.5}`,
			fact{key: "postback|m/p|a|1.5", order: "a"},
		},
		{
			"postback without a timestamp",
			`{"trigger":"postback","appUser":{"_id":"a"},"postbacks":[{"action":{"payload":"P"}}]}`,
			fact{key: `postback|"P"|a`, order: "a", recurs: true},
		},
		{
			"payment",
			`{"trigger":"payment:success","appUser":{"_id":"a"},"payments":[{"charge":{"id":"c"}},{"charge":{"id":"d"}}]}`,
			fact{key: "payment:success|c,d", order: "a"},
		},
		{
			"merge, in the order of the user who remains",
			`{"trigger":"merge:appUser","surviving":{"_id":"s"},"discarded":[{"_id":"c"},{"_id":"b"}]}`,
			fact{key: "merge:appUser|s|b,c", order: "s"},
		},
		{
			"merge without that user",
			`{"trigger":"merge:appUser","discarded":[{"_id":"b"}]}`,
			fact{key: "body", recurs: true},
		},
		{
			"notification that was matched, in the order of its user",
			`{"trigger":"notification:delivery:user","notification":{"_id":"n"},"matchResult":{"appUser":{"_id":"a"}}}`,
			fact{key: "notification:delivery:user|n", order: "a"},
		},
		{
			"notification that was not matched",
			`{"trigger":"notification:match:failure","notification":{"_id":"n"}}`,
			fact{key: "notification:match:failure|n", order: "n"},
		},
		{
			"notification without an id",
			`{"trigger":"notification:match:failure","timestamp":1.5}`,
			fact{key: "body"},
		},
		{
			"link",
			`{"trigger":"link:success","appUser":{"_id":"a"},"channel":"twilio","criteria":{"phoneNumber":"+1"},"timestamp":1.5}`,
			fact{key: `link:success|a|twilio|{"phoneNumber":"+1"}|1.5`, order: "a"},
		},
		{
			"client",
			`{"trigger":"client:add","appUser":{"_id":"a"},"client":{"_id":"r","id":"c"}}`,
			fact{key: "client:add|a|r/c", order: "a", recurs: true},
		},
		{
			"client without an id",
			`{"trigger":"client:add","appUser":{"_id":"a"},"client":{"platform":"web"},"timestamp":1.5}`,
			fact{key: "body", order: "a"},
		},
		{
			"typing",
			`{"trigger":"typing:appUser","appUser":{"_id":"a"},"activity":{"type":"typing:stop"},"timestamp":1.5}`,
			fact{key: "typing:appUser|a|1.5|typing:stop", order: "a"},
		},
		{
			"typing without a timestamp",
			`{"trigger":"typing:appUser","appUser":{"_id":"a"},"activity":{"type":"typing:stop"}}`,
			fact{key: "body", order: "a", recurs: true},
		},
		{
			"typing without an activity",
			`{"trigger":"typing:appUser","appUser":{"_id":"a"},"timestamp":1.5}`,
			fact{key: "body", order: "a"},
		},
		{
			"deleted user",
			`{"trigger":"appUser:delete","appUser":{"_id":"a"}}`,
			fact{key: "appUser:delete|a", order: "a"},
		},
		{
			"conversation",
			`{"trigger":"conversation:read","appUser":{"_id":"a"},"timestamp":1.5}`,
			fact{key: "conversation:read|a|1.5", order: "a"},
		},
		{
			"conversation without a timestamp",
			`{"trigger":"conversation:start","appUser":{"_id":"a"}}`,
			fact{key: "body", order: "a", recurs: true},
		},
		{
			"referral without a timestamp",
			`{"trigger":"conversation:referral","appUser":{"_id":"a"},"source":{"type":"messenger"},"referral":{"code":"R"}}`,
			fact{key: "conversation:referral|a|messenger|R", order: "a", recurs: true},
		},
		{
			"unknown",
			`{"trigger":"poll:closed","appUser":{"_id":"a"},"timestamp":1.5}`,
			fact{key: "body", order: "a"},
		},
		{
			"unknown without anything",
			`{}`,
			fact{key: "body", recurs: true},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.want.key == "body" {
				test.want.key = "body|" + hash([]byte(test.body))
			}
			assert.Equal(t, test.want, keyed(parseEvent(t, test.body)))
		})
	}
}

func TestDifferentFactsHaveDifferentKeys(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{} // by key
	for _, body := range []string{
		`{"trigger":"postback","appUser":{"_id":"a"},"postbacks":[{"action":{"payload":"A"}}],"timestamp":1.5}`,
		`{"trigger":"postback","appUser":{"_id":"a"},"postbacks":[{"action":{"payload":"B"}}],"timestamp":1.5}`,
		`{"trigger":"postback","appUser":{"_id":"b"},"postbacks":[{"action":{"payload":"A"}}],"timestamp":1.5}`,
		`{"trigger":"postback","appUser":{"_id":"a"},"postbacks":[{"action":{"text":"A"}}],"timestamp":1.5}`,
		`{"trigger":"postback","appUser":{"_id":"a"},"postbacks":[{"action":{"text":"B"}}],"timestamp":1.5}`,
		`{"trigger":"postback","postbacks":[{"action":{"_id":"p"}}],"timestamp":1.5}`,
		`{"trigger":"link:match","channel":{"type":"twilio"},"timestamp":1.5}`,
		`{"trigger":"link:match","channel":{"type":"viber"},"timestamp":1.5}`,
		`{"trigger":"client:add","client":{"_id":"c1"},"timestamp":1.5}`,
		`{"trigger":"client:add","client":{"_id":"c2"},"timestamp":1.5}`,
		`{"trigger":"client:add","appUser":{"_id":"a"},"client":{"platform":"whatsapp","externalId":"1"}}`,
		`{"trigger":"client:add","appUser":{"_id":"a"},"client":{"platform":"telegram","externalId":"2"}}`,
		`{"trigger":"conversation:referral","appUser":{"_id":"a"},"source":{"type":"messenger"},"referral":{"code":"A"}}`,
		`{"trigger":"conversation:referral","appUser":{"_id":"a"},"source":{"type":"messenger"},"referral":{"code":"B"}}`,
		`{"trigger":"typing:appUser","appUser":{"_id":"a"},"activity":{"type":"typing:start"},"timestamp":1.5}`,
		`{"trigger":"typing:appUser","appUser":{"_id":"a"},"activity":{"type":"typing:stop"},"timestamp":1.5}`,
		`{"trigger":"message:appUser","messages":[{"_id":"m"}]}`,
		`{"trigger":"message:appMaker","messages":[{"_id":"m"}]}`,
		`{"trigger":"poll:closed","version":"v1"}`,
		`{"trigger":"poll:closed","version":"v1.1"}`,
	} {
		key := EventKey(parseEvent(t, body))
		assert.Empty(t, bodies[key], "the key %s of %s", key, body)
		bodies[key] = body
	}
}

// TestKeysOfAllPairs: two bodies have the same key if and only if they report the same fact, in one
// version or in both. The name of a fact is the text before the first space of a name.
func TestKeysOfAllPairs(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{}
	for name, destination := range map[string]string{
		"nowhere": ``, "channel": `"type":"twilio"`, "integration-1": `"type":"twilio","integrationId":"e1"`, "integration-2": `"type":"twilio","integrationId":"e2"`,
		"other-channel": `"type":"viber","integrationId":"e1"`, "only-integration": `"integrationId":"e1"`, "id-1": `"type":"twilio","id":"1"`,
		"user-1": `"integrationId":"e1","destinationId":"1"`, "user-2": `"integrationId":"e1","destinationId":"2"`,
	} {
		for _, message := range []string{"m1", "m2"} {
			rest := `"destination":{` + destination + `},"appUser":{"_id":"a"}`
			fact := message + "-" + name
			for _, outcome := range []string{"success", "failure"} {
				bodies["v1-delivery-"+outcome+fact] = `{"trigger":"delivery:` + outcome + `","messages":[{"_id":"` + message + `"}],` + rest + `}`
			}
			for _, final := range []string{"", `,"isFinalEvent":true`, `,"isFinalEvent":false`} {
				for _, outcome := range []string{"channel", "user", "failure"} {
					bodies["delivery-"+outcome+fact+final] = `{"trigger":"message:delivery:` + outcome + `","message":{"_id":"` + message + `"},` + rest + final + `,"version":"v1.1"}`
					bodies["notification-"+outcome+fact+final] = `{"trigger":"notification:delivery:` + outcome + `","notification":{"_id":"` + message + `"},` + rest + final + `,"version":"v1.1"}`
				}
			}
		}
	}
	for name, body := range map[string]string{
		"message":      `"trigger":"message:appUser","messages":[{"_id":"m1","role":"appUser"}]`,
		"maker":        `"trigger":"message:appMaker","messages":[{"_id":"m1","role":"appMaker"}]`,
		"postback":     `"trigger":"postback","appUser":{"_id":"a"},"postbacks":[{"action":{"_id":"m1"}}],"timestamp":1.5`,
		"payment":      `"trigger":"payment:success","payments":[{"charge":{"id":"m1"}}]`,
		"merge":        `"trigger":"merge:appUser","surviving":{"_id":"a"},"discarded":[{"_id":"b"}]`,
		"merge-two":    `"trigger":"merge:appUser","surviving":{"_id":"a"},"discarded":[{"_id":"b"},{"_id":"c"}]`,
		"link":         `"trigger":"link:success","appUser":{"_id":"a"},"channel":"twilio","criteria":{"phoneNumber":"1"}`,
		"start":        `"trigger":"conversation:start","appUser":{"_id":"a"},"timestamp":1.5`,
		"read":         `"trigger":"conversation:read","appUser":{"_id":"a"},"timestamp":1.5`,
		"read-later":   `"trigger":"conversation:read","appUser":{"_id":"a"},"timestamp":2.5`,
		"deleted-user": `"trigger":"appUser:delete","appUser":{"_id":"a"}`,
	} {
		bodies[name+" in v1"] = `{` + body + `}`
		bodies[name+" in v1.1"] = `{` + body + `,"conversation":{"_id":"c"},"version":"v1.1"}`
	}
	names := map[string]string{} // by key
	for name, body := range bodies {
		key := EventKey(parseEvent(t, body))
		assert.NotContains(t, key, "body|", name)
		fact, _, _ := strings.Cut(name, " ")
		if other, taken := names[key]; taken {
			assert.Equal(t, other, fact, "they have the key %s", key)
		}
		names[key] = fact
	}
	assert.Len(t, names, len(bodies)-11, "the two versions of a fact share a key")
}

// TestKeysOfMalformedEvents: a member that cannot be read may be what tells two facts apart.
func TestKeysOfMalformedEvents(t *testing.T) {
	t.Parallel()
	keys := map[string]string{} // to bodies
	for _, body := range []string{
		`{"trigger":"message:delivery:failure","message":{"_id":"m"},"destination":{"type":"twilio","integrationId":1}}`,
		`{"trigger":"message:delivery:failure","message":{"_id":"m"},"destination":{"type":"twilio","integrationId":2}}`,
		`{"trigger":"notification:delivery:user","notification":{"_id":"n"},"destination":{"destinationId":1}}`,
		`{"trigger":"notification:delivery:user","notification":{"_id":"n"},"destination":{"destinationId":2}}`,
		`{"trigger":"link:match","appUser":{"_id":"a"},"channel":"twilio","criteria":"1","timestamp":1.5}`,
		`{"trigger":"link:match","appUser":{"_id":"a"},"channel":"twilio","criteria":"2","timestamp":1.5}`,
		`{"trigger":"payment:success","payments":[{"charge":{"id":"c"}}]}`,
		`{"trigger":"payment:success","payments":[{"charge":{"id":"c"}},{"charge":1}]}`,
		`{"trigger":"payment:success","payments":[{"charge":{"id":"c"}},{}]}`,
		`{"trigger":"payment:success","payments":[{"charge":{"id":"c"}},{"action":{"_id":"b"}}]}`,
		`{"trigger":"merge:appUser","surviving":{"_id":"a"},"discarded":[{"_id":"b"},{"userId":"c"}]}`,
		`{"trigger":"merge:appUser","surviving":{"_id":"a"},"discarded":[{"_id":"b"},{"userId":"d"}]}`,
		`{"trigger":"message:appUser","messages":[{"_id":1}]}`,
		`{"trigger":"message:appUser","messages":[{"_id":2}]}`,
	} {
		key := EventKey(parseEvent(t, body))
		assert.Empty(t, keys[key], "the key %s of %s", key, body)
		keys[key] = body
	}
	message := `{"trigger":"message:appUser","messages":[{"_id":"m"}],"appUser":{"userId":1}`
	assert.Equal(t, "message:appUser|m", EventKey(parseEvent(t, message+`}`)))
	assert.Equal(t, "message:appUser|m", EventKey(parseEvent(t, message+`,"version":"v1.1"}`)), "its ids name it")
}

// TestCopiesHaveTheSameKey: copies differ by the version, and by what the version puts in.
func TestCopiesHaveTheSameKey(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("m", 1000)
	tests := []struct{ name, v1, v11 string }{
		{
			"deleted user",
			`{"trigger":"appUser:delete","appUser":{"_id":"a"}}`,
			`{"trigger":"appUser:delete","appUser":{"_id":"a","givenName":"Ida"},"version":"v1.1"}`,
		},
		{
			"referral",
			`{"trigger":"conversation:referral","appUser":{"_id":"a"},"source":{"type":"messenger"},"referral":{"code":"A"}}`,
			`{"trigger":"conversation:referral","appUser":{"_id":"a","givenName":"Ida"},"source":{"type":"messenger"},"referral":{"code":"A"},"version":"v1.1"}`,
		},
		{
			"merge in another order",
			`{"trigger":"merge:appUser","surviving":{"_id":"a"},"discarded":[{"_id":"b"},{"_id":"c"}]}`,
			`{"trigger":"merge:appUser","surviving":{"_id":"a"},"discarded":[{"_id":"c"},{"_id":"b"}],"version":"v1.1"}`,
		},
		{
			"ids that are too long",
			`{"trigger":"message:appUser","messages":[{"_id":"` + long + `"}]}`,
			`{"trigger":"message:appUser","messages":[{"_id":"` + long + `"}],"version":"v1.1"}`,
		},
		{
			"postback",
			`{"trigger":"postback","appUser":{"_id":"a"},"postbacks":[{"action":{"payload":"A"}}],"timestamp":1.5}`,
			`{"trigger":"postback","appUser":{"_id":"a"},"postbacks":[{"action":{"payload":"A"}}],"timestamp":1.5,"version":"v1.1"}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			key := EventKey(parseEvent(t, test.v1))
			assert.Equal(t, key, EventKey(parseEvent(t, test.v11)))
			assert.NotContains(t, key, "body|")
			assert.LessOrEqual(t, len(key), 255)
		})
	}
}

func keyed(e Event) fact { return factOf(e, e.header()) }
