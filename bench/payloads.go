package main

import (
	"fmt"
	"strings"
)

const webhookSecret = "8e5d0a1b7c"

// userJSON is an app user, as the reference shows one.
const userJSON = `{"appUser":{"_id":"deb920657bbc3adc3fec7963","userId":"steveb@channel5.com","givenName":"Steve","surname":"Brule","email":"steveb@channel5.com","signedUpAt":"2015-10-08T23:52:11.677Z","properties":{"favoriteFood":"prizza","visits":12},"conversationStarted":true,"clients":[{"id":"03f70682b7f5b21536a3674f38b3e220","platform":"ios","active":true,"lastSeen":"2017-02-03T04:05:06.789Z","displayName":"Steve","info":{"os":"iPhone OS","carrier":"Acme"}}]}}`

// postedJSON is the response to a message.
const postedJSON = `{"message":{"_id":"55c8c1498590aa1900b9b9b1","type":"text","role":"appMaker","authorId":"5963c0d619a30a2e00de36b8","name":"Steve","text":"Just put some vinegar on it","received":1439220041.586},"conversation":{"_id":"df0ebe56cbeab98589b8bfa7","unreadCount":1}}`

// pageJSON is a page of 100 messages.
func pageJSON() string {
	messages := make([]string, 100)
	for i := range messages {
		messages[i] = fmt.Sprintf(`{"_id":"55c8c1498590aa1900b9%04d","type":"text","role":"appUser","authorId":"c7f6e6d6c3a637261bd9656f","name":"Steve","text":"%s","received":1439220041.%03d,"source":{"type":"web"},"actions":[{"_id":"5963c0d619a30a2e00de%04d","type":"reply","text":"Yes","payload":"YES"}],"metadata":{"order":"b-%d"}}`,
			i, strings.Repeat("vinegar ", 20), i, i, i)
	}
	return `{"conversation":{"_id":"df0ebe56cbeab98589b8bfa7","unreadCount":0},"messages":[` + strings.Join(messages, ",") + `]}`
}

// newDelivery returns the body of delivery n, which tells of a message of its own.
func newDelivery(n uint64) []byte {
	return fmt.Appendf(nil, `{"trigger":"message:appUser","version":"v1.1","app":{"_id":"575040549a38df8fb4eb1e51"},"appUser":{"_id":"deb920657bbc3adc3fec7963","userId":"steveb@channel5.com","givenName":"Steve","signedUpAt":"2015-10-08T23:52:11.677Z","conversationStarted":true,"properties":{"favoriteFood":"prizza"}},"conversation":{"_id":"df0ebe56cbeab98589b8bfa7"},"messages":[{"_id":"%024x","type":"text","role":"appUser","authorId":"deb920657bbc3adc3fec7963","name":"Steve","text":"Just put some vinegar on it","received":1444348338.704,"source":{"type":"web"}}]}`, n)
}
