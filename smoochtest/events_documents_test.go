package smoochtest_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leftOut are the members that the server leaves out of an event although a payload in testdata has
// them, by payload. Each is optional: it belongs to other circumstances, or no document says when
// it is there.
var leftOut = map[string]string{
	// Not established by any document.
	"v1.1/appuser-delete":   "timestamp",
	"v1.1/client-remove":    "reason error timestamp",
	"v1.1/delivery-channel": "externalMessages message.type",
	"v1.1/merge":            "reason discardedMetadata",
	"v1.1/postback":         "timestamp postbacks.0.source",
	// The channel's own.
	"v1.1/delivery-failure":     "error.underlyingError.status",
	"v1.1/delivery-failure-old": "error.underlyingError.errors",
	"v1.1/notification-failure": "error.underlyingError.errors",
	"v1.1/passthrough-apple":    "payload.apple.interactiveData.data.listPicker",
	// Of a user who comes over a link, of a button that is a link, of a file that was uploaded.
	"v1/conversation-start": "referral",
	"v1/postback":           "postbacks.0.action.uri",
	"v1.1/message-appUser":  "messages.0.mediaSize",
	// On v1, seldom, and never; only the oldest document has an empty list.
	"v1/delivery-failure":         "destination.id",
	"v1/message-explicit-version": "version",
	"v1/message-seed":             "messages.0.metadata",
}

// TestEventsHaveWhatTheDocumentsShow makes the event of every payload in testdata happen to a user
// with a profile, and compares them member by member: it has those of the payload, in their types.
func TestEventsHaveWhatTheDocumentsShow(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/webhooks/*/*.json")
	require.NoError(t, err)
	require.Greater(t, len(files), 40)
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file)) + "/" + strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.HasSuffix(name, "/unknown") {
			continue // a trigger of the future
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			var document map[string]any
			require.NoError(t, json.Unmarshal(data, &document))
			event := eventLike(t, strings.HasPrefix(name, "v1.1"), document)
			if strings.HasPrefix(name, "v1/") {
				assert.Nil(t, dig(event, "destination.integrationId"), "v1.1 only")
			}
			var missing []string
			missingIn("", document, event, &missing)
			slices.Sort(missing)
			want := strings.Fields(leftOut[name])
			slices.Sort(want)
			assert.Equal(t, strings.Join(want, " "), strings.Join(missing, " "), "%v", event)
		})
	}
}

// eventLike makes the event of a payload happen, on the channel that it names, and returns it.
func eventLike(t *testing.T, onV11 bool, document map[string]any) map[string]any {
	t.Helper()
	st := newStage(t)
	st.call(200, "PUT", "/appusers/ida", `{"givenName":"Ida","email":"i@x.test","properties":{"plan":"gold"}}`)
	if _, full := at(document, "appUser", "clients").([]any); full && onV11 {
		hook := at(first(st.call(200, "GET", "/webhooks", "")["webhooks"].([]any)[1:]), "_id").(string)
		st.call(200, "PUT", "/webhooks/"+hook, `{"includeFullAppUser":true}`)
	}
	channel := "web"
	for _, path := range []string{
		"channel", "destination.type", "client.platform", "source.type", "messages.0.source.type",
	} {
		if named, isText := dig(document, path).(string); isText && named != "api" {
			channel = named
		}
	}
	if body := integrations[channel]; body != "" {
		st.integration(body)
	}
	person := st.on(channel)
	require.NoError(t, person.Join())
	st.post(`{"role":"appMaker","type":"text","text":"x","name":"Bot","metadata":{"a":1},"actions":[
		{"type":"buy","text":"Pay","amount":500},{"type":"postback","text":"R","payload":"R"}]}`)
	st.events()
	trigger := document["trigger"].(string)
	switch {
	case dig(document, "messages.0.role") == "appUser" && !strings.Contains(trigger, "delivery"):
		message := maps.Clone(dig(document, "messages.0").(map[string]any))
		for _, name := range []string{"_id", "role", "authorId", "received", "source", "mediaSize"} {
			delete(message, name)
		}
		if list, isList := message["metadata"].([]any); isList && len(list) == 0 {
			delete(message, "metadata")
		}
		_, err := person.Send(message)
		require.NoError(t, err)
	case strings.HasPrefix(trigger, "message") && !strings.Contains(trigger, "delivery"):
		st.post(`{"role":"appMaker","type":"text","text":"Hi","name":"Ida","email":"m@x.test"}`)
	default:
		for name, onV1 := range v1Names {
			if onV1 == trigger {
				trigger = name
			}
		}
		require.NoError(t, st.server.Emit(st.server.App().ID, "ida", trigger, nil))
	}
	v1, v11 := st.events()
	if onV11 {
		return first(any(anyList(v11))).(map[string]any)
	}
	return first(any(anyList(v1))).(map[string]any)
}

func anyList(events []map[string]any) []any {
	var all []any
	for _, e := range events {
		all = append(all, e)
	}
	return all
}

// integrations are the bodies that create an integration of a type.
var integrations = map[string]string{
	"whatsapp": `{"type":"whatsapp","deploymentId":"d"}`,
	"telegram": `{"type":"telegram","token":"t"}`,
	"web":      `{"type":"web"}`,
}

// missingIn notes the paths of the members that want has and got lacks or has in another type.
func missingIn(path string, want, got any, missing *[]string) {
	if reflect.TypeOf(want) != reflect.TypeOf(got) {
		*missing = append(*missing, strings.TrimPrefix(path, "."))
		return
	}
	switch want := want.(type) {
	case map[string]any:
		for name, member := range want {
			missingIn(path+"."+name, member, got.(map[string]any)[name], missing)
		}
	case []any:
		for i, element := range want[:min(1, len(want))] {
			var other any
			if list := got.([]any); i < len(list) {
				other = list[i]
			}
			missingIn(path+"."+strconv.Itoa(i), element, other, missing)
		}
	}
}
