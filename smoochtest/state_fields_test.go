package smoochtest_test

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// notSaved are the fields of a server, and of what it consists of, that are no state. A field that
// is not among them must be saved.
var notSaved = strings.Fields(`
	Server.URL Server.config Server.http Server.controls Server.ctx Server.cancel Server.mu Server.requests
	Server.faults Server.rateLimit Server.deliveries Server.mediaBytes
	clock.mu clock.last random.mu random.seeded conversation.typing webhook.queue`)

// TestEveryFieldIsSaved compares all fields of a server with those of another one that has imported
// its state. Each must be in use, or what nobody saves would be as empty on one as on the other.
func TestEveryFieldIsSaved(t *testing.T) {
	t.Parallel()
	from := newBusyServer(t, smoochtest.WithSeed("a"))
	fillRareFields(t, from)
	to := newServer(t, smoochtest.WithSeed("b"))
	require.NoError(t, from.WaitDeliveries(t.Context()))
	require.NoError(t, to.ImportState(from.ExportState()))
	a, b := fieldsOf(from), fieldsOf(to)
	for name, used := range a.used {
		assert.True(t, used, "%s is empty everywhere: save it, and fill it in fillRareFields", name)
	}
	want := strings.ReplaceAll(strings.Join(a.lines, "\n"), from.URL, to.URL)
	assert.Equal(t, want, strings.Join(b.lines, "\n"))
	for _, name := range notSaved {
		assert.Contains(t, a.skipped, name, "notSaved has a field that is not there")
	}
}

// fillRareFields does what fills the fields that a busy server leaves empty.
func fillRareFields(t *testing.T, server *smoochtest.Server) {
	t.Helper()
	ctx, app := t.Context(), server.Client()
	api := newAPI(t, server)
	api.call(201, "POST", "/appusers/ida/messages", `{"role":"appMaker","type":"text","text":"x",
		"override":{"whatsapp":{"payload":{"type":"text"}}}}`)
	api.call(200, "POST", "/appusers/ida/conversation/activity", `{"role":"appMaker","type":"conversation:read"}`)
	require.NoError(t, server.Person(server.App().ID, "ida", "").Read())
	api.call(201, "POST", "/appusers/ida/messages", `{"role":"appMaker","type":"text","text":"unread"}`)
	page := api.call(200, "GET", "/appusers/ida/messages", "")
	conversation := at(page, "conversation", "_id").(string)
	api.call(200, "POST", "/attachments/token", `{"paths":["/apps/`+server.App().ID+`/conversations/`+conversation+`"]}`)
	_, err := app.Attachments.Upload(ctx, gif(), smooch.AttachmentOptions{
		Access: smooch.AttachmentAccessPrivate, For: "message", UserID: "ida",
	})
	require.NoError(t, err)
	api.call(201, "POST", "/appusers", `{"userId":"careful","credentialRequired":true}`)

	whatsapp := at(api.call(201, "POST", "/integrations", `{"type":"whatsapp","deploymentId":"d"}`), "integration", "_id").(string)
	api.call(200, "PUT", "/integrations/"+whatsapp+"/profile", `{"about":"us"}`)
	api.call(201, "POST", "/integrations/"+whatsapp+"/messageTemplates",
		`{"name":"n","language":"en","category":"c","components":[]}`)

	granted, err := app.OAuth.Exchange(ctx, smooch.OAuthExchange{
		Code: authorize(t, app).Get("code"), ClientID: "c", ClientSecret: "x",
	})
	require.NoError(t, err)
	third, err := smooch.NewClient(smooch.BearerToken(granted.AccessToken), smooch.WithBaseURL(server.URL))
	require.NoError(t, err)
	subscribe(t, third, "http://127.0.0.1:1/", smooch.TriggerPostback)
	authorize(t, app) // a code that nobody has used yet

	account := api
	account.prefix = "/v1.1"
	id := at(account.call(201, "POST", "/serviceaccounts", `{"name":"a"}`), "serviceAccount", "_id").(string)
	key := account.call(201, "POST", "/serviceaccounts/"+id+"/keys", `{"name":"k"}`)["key"]
	account.credential = signed(t, smoochtest.Credentials{KeyID: at(key, "_id").(string), Secret: at(key, "secret").(string)},
		jwt.MapClaims{"scope": "account"})
	account.call(201, "POST", "/apps", `{"name":"of a"}`)
	_, err = app.AppUsers.LinkChannel(ctx, "ida", smooch.ChannelLink{
		Type: "twilio", PhoneNumber: "+15145550101", Confirmation: &smooch.Confirmation{Type: "immediate"},
	})
	require.NoError(t, err)
}

// fields are the fields of a server in a form that can be compared.
type fields struct {
	lines   []string
	used    map[string]bool // by field: whether one has another value than zero
	skipped []string
	seen    map[unsafe.Pointer]int
}

func fieldsOf(server *smoochtest.Server) *fields {
	f := &fields{used: map[string]bool{}, seen: map[unsafe.Pointer]int{}}
	f.add("server", reflect.ValueOf(server))
	return f
}

// add adds a value, under the path that leads to it from the server.
func (f *fields) add(path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			f.lines = append(f.lines, path+" = nil")
			return
		}
		if number, again := f.seen[v.UnsafePointer()]; again {
			f.lines = append(f.lines, fmt.Sprintf("%s = object %d", path, number))
			return
		}
		f.seen[v.UnsafePointer()] = len(f.seen)
		if source, isSource := v.Interface().(encoding.BinaryMarshaler); isSource { // of random
			data, err := source.MarshalBinary()
			f.lines = append(f.lines, fmt.Sprintf("%s = %x %v", path, data, err))
			return
		}
		f.add(path, v.Elem())
	case reflect.Struct:
		f.addStruct(path, v)
	case reflect.Slice:
		for i := range v.Len() {
			f.add(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.Interface { // JSON
			data, err := json.Marshal(v.Interface())
			f.lines = append(f.lines, fmt.Sprint(path, " = ", string(data), err))
			return
		}
		keys := slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
		for _, key := range keys {
			f.add(fmt.Sprintf("%s[%s]", path, key), v.MapIndex(key))
		}
	default:
		f.lines = append(f.lines, fmt.Sprintf("%s = %v", path, v))
	}
}

func (f *fields) addStruct(path string, v reflect.Value) {
	if at, isTime := v.Interface().(time.Time); isTime {
		f.lines = append(f.lines, fmt.Sprint(path, " = ", at.UnixNano()))
		return
	}
	if !v.CanAddr() {
		held := reflect.New(v.Type()).Elem()
		held.Set(v)
		v = held
	}
	for i := range v.NumField() {
		name := v.Type().Name() + "." + v.Type().Field(i).Name
		if slices.Contains(notSaved, name) {
			f.skipped = append(f.skipped, name)
			continue
		}
		// A field that is not exported can be read like this only.
		field := reflect.NewAt(v.Field(i).Type(), unsafe.Pointer(v.Field(i).UnsafeAddr())).Elem()
		f.used[name] = f.used[name] || !field.IsZero()
		f.add(path+"."+v.Type().Field(i).Name, field)
	}
}
