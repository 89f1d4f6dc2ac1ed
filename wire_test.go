package smooch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

// wire is a call and what the service must receive.
type wire struct {
	name string
	v    Version
	call func(context.Context, *Client) (any, error)
	want string // method, path and query, as they are sent
	body string // JSON, or a form as formLine writes it; "": none

	answer string // as the documentation shows it; the result must hold all of it; "": anything
}

// drain ranges over a list.
func drain[T any](list iter.Seq2[*T, error]) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

var at = UnixTime{time.UnixMilli(1471995721500)}

// browse opens an address as a browser does.
func browse(ctx context.Context, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// wires has each call at least once, and once for each version where they differ.
var wires = []wire{
	{"Apps.Create", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Apps.Create(ctx, AppCreate{Name: "My App"})
	}, "POST /v1/apps", `{"name":"My App"}`, `{"app":{"_id":"55c8d9758590aa1900b9b9f6","appToken":"3s58wwlgx8xqbidgyyvzunoyw","name":"My App"}}`},
	{"Apps.Create", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Apps.Create(ctx, AppCreate{Name: "A", Settings: &AppSettings{EchoPostback: new(false)}, Metadata: map[string]any{"n": 1}})
	}, "POST /v1.1/apps", `{"name":"A","settings":{"echoPostback":false},"metadata":{"n":1}}`, `{"app":{"_id":"5a0","appToken":"t","name":"A","settings":{"maskCreditCardNumbers":false,"useAnimalNames":true,"conversationRetentionSeconds":0,"echoPostback":true,"ignoreAutoConversationStart":false,"attachmentsAccess":"private","attachmentsTokenExpirationSeconds":7200},"metadata":{}}}`},
	{"Apps.List", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Apps.List(ctx, AppListOptions{Limit: 50, Offset: 100, ServiceAccountID: "s/1"})
	}, "GET /v1/apps?limit=50&offset=100&serviceAccountId=s%2F1", "", `{"apps":[{"_id":"55c8d9758590aa1900b9b9f6","appToken":"3s58wwlgx8xqbidgyyvzunoyw","name":"My App"}],"hasMore":true,"offset":100}`},
	{"Apps.List", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Apps.List(ctx, AppListOptions{}) }, "GET /v1.1/apps", "", `{"apps":[{"_id":"5a0","appToken":"t","name":"A","settings":{"maskCreditCardNumbers":false,"useAnimalNames":true,"conversationRetentionSeconds":0,"echoPostback":true,"ignoreAutoConversationStart":false,"attachmentsAccess":"private","attachmentsTokenExpirationSeconds":7200},"metadata":{}}],"hasMore":false}`},
	{"Apps.All", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, drain(c.Apps.All(ctx, AppListOptions{Offset: 3}))
	}, "GET /v1.1/apps?offset=3", "", ""},
	{"Apps.Get", V1, func(ctx context.Context, c *Client) (any, error) { return c.Apps.Get(ctx, "a2") }, "GET /v1/apps/a2", "", `{"app":{"_id":"55c8d9758590aa1900b9b9f6","appToken":"3s58wwlgx8xqbidgyyvzunoyw","name":"My App"}}`},
	{"Apps.Update", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Apps.Update(ctx, "a2", AppUpdate{Name: new("B")})
	}, "PUT /v1.1/apps/a2", `{"name":"B"}`, `{"app":{"_id":"5a0","appToken":"t","name":"A","settings":{"maskCreditCardNumbers":false,"useAnimalNames":true,"conversationRetentionSeconds":0,"echoPostback":true,"ignoreAutoConversationStart":false,"attachmentsAccess":"private","attachmentsTokenExpirationSeconds":7200},"metadata":{}}}`},
	{"Apps.Delete", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, c.Apps.Delete(ctx, "a2") }, "DELETE /v1.1/apps/a2", "", ""},
	{"Apps.SDKIDs", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Apps.SDKIDs(ctx) }, "GET /v1.1/apps/a1/sdks", "", `{"androidIntegrationId":"1","iosIntegrationId":"2","webIntegrationId":"3"}`},
	{"Keys.Create", V1, func(ctx context.Context, c *Client) (any, error) { return c.Keys.Create(ctx, KeyCreate{Name: "key1"}) }, "POST /v1/apps/a1/keys", `{"name":"key1"}`, `{"key":{"secret":"Y4SINFtAUzEjayxgUjJZoTjG","name":"key1","_id":"app_5735dcf248011972d621dc01"}}`},
	{"Keys.List", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Keys.List(ctx) }, "GET /v1.1/apps/a1/keys", "", `{"keys":[{"secret":"Y4SINFtAUzEjayxgUjJZoTjG","name":"key1","_id":"app_5735dcf248011972d621dc01"}]}`},
	{"Keys.Get", V1, func(ctx context.Context, c *Client) (any, error) { return c.Keys.Get(ctx, "k") }, "GET /v1/apps/a1/keys/k", "", `{"key":{"secret":"Y4SINFtAUzEjayxgUjJZoTjG","name":"key1","_id":"app_5735dcf248011972d621dc01"}}`},
	{"Keys.Delete", V1, func(ctx context.Context, c *Client) (any, error) { return nil, c.Keys.Delete(ctx, "k") }, "DELETE /v1/apps/a1/keys/k", "", ""},
	{"Keys.JWT", V1, func(ctx context.Context, c *Client) (any, error) { return c.Keys.JWT(ctx, "k") }, "GET /v1/apps/a1/keys/k/jwt", "", `{"jwt": "text"}`},
	{"ServiceAccounts.Create", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.ServiceAccounts.Create(ctx, ServiceAccountCreate{Name: "s"})
	}, "POST /v1.1/serviceaccounts", `{"name":"s"}`, `{"serviceAccount":{"_id":"5ae","name":"deploy"}}`},
	{"ServiceAccounts.List", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.ServiceAccounts.List(ctx, ServiceAccountListOptions{Limit: 1})
	}, "GET /v1.1/serviceaccounts?limit=1", "", `{"serviceAccounts":[{"_id":"5ae","name":"deploy"}],"hasMore":false}`},
	{"ServiceAccounts.All", V1, func(ctx context.Context, c *Client) (any, error) {
		return nil, drain(c.ServiceAccounts.All(ctx, ServiceAccountListOptions{}))
	}, "GET /v1/serviceaccounts", "", ""},
	{"ServiceAccounts.Get", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.ServiceAccounts.Get(ctx, "s") }, "GET /v1.1/serviceaccounts/s", "", `{"serviceAccount":{"_id":"5ae","name":"deploy"}}`},
	{"ServiceAccounts.Update", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.ServiceAccounts.Update(ctx, "s", ServiceAccountUpdate{Name: "t"})
	}, "PUT /v1.1/serviceaccounts/s", `{"name":"t"}`, `{"serviceAccount":{"_id":"5ae","name":"deploy"}}`},
	{"ServiceAccounts.Delete", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, c.ServiceAccounts.Delete(ctx, "s") }, "DELETE /v1.1/serviceaccounts/s", "", ""},
	{"ServiceAccounts.CreateKey", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.ServiceAccounts.CreateKey(ctx, "s", KeyCreate{Name: "k"})
	}, "POST /v1.1/serviceaccounts/s/keys", `{"name":"k"}`, `{"key":{"secret":"Y4SINFtAUzEjayxgUjJZoTjG","name":"key1","_id":"app_5735dcf248011972d621dc01"}}`},
	{"ServiceAccounts.ListKeys", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.ServiceAccounts.ListKeys(ctx, "s") }, "GET /v1.1/serviceaccounts/s/keys", "", `{"keys":[{"secret":"Y4SINFtAUzEjayxgUjJZoTjG","name":"key1","_id":"app_5735dcf248011972d621dc01"}]}`},
	{"ServiceAccounts.GetKey", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.ServiceAccounts.GetKey(ctx, "s", "k") }, "GET /v1.1/serviceaccounts/s/keys/k", "", `{"key":{"secret":"Y4SINFtAUzEjayxgUjJZoTjG","name":"key1","_id":"app_5735dcf248011972d621dc01"}}`},
	{"ServiceAccounts.DeleteKey", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.ServiceAccounts.DeleteKey(ctx, "s", "k")
	}, "DELETE /v1.1/serviceaccounts/s/keys/k", "", ""},
	{"ServiceAccounts.KeyJWT", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.ServiceAccounts.KeyJWT(ctx, "s", "k") }, "GET /v1.1/serviceaccounts/s/keys/k/jwt", "", `{"jwt": "text"}`},
	{"Init", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Init(ctx, InitRequest{UserID: "bob@example.com", Device: Device{ID: "03f7", Platform: PlatformIOS, AppVersion: "1.0", PushNotificationToken: "p", Info: map[string]any{InfoAppName: "foo"}}})
	}, "POST /v1/apps/a1/init", `{"device":{"id":"03f7","platform":"ios","pushNotificationToken":"p","appVersion":"1.0","info":{"appName":"foo"}},"userId":"bob@example.com"}`, `{"app":{"hasIcon":true,"apnEnabled":true,"gcmProject":"731399543244"},"appUser":{"_id":"c7f6e6d6c3a637261bd9656f","userId":"bob@example.com","properties":{},"signedUpAt":"2015-10-06T03:38:02.346Z"}}`},
	{"AppUsers.Create", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.AppUsers.Create(ctx, AppUserCreate{UserID: "steveb@channel5.com", GivenName: "Steve", SignedUpAt: ISOTime{time.Date(2015, 10, 8, 20, 52, 11, 677e6, time.FixedZone("", -3*3600))}, Properties: map[string]any{"favoriteFood": "prizza"}})
	}, "POST /v1/apps/a1/appusers", `{"userId":"steveb@channel5.com","givenName":"Steve","signedUpAt":"2015-10-08T23:52:11.677Z","properties":{"favoriteFood":"prizza"}}`, `{"appUser":{"_id":"deb920657bbc3adc3fec7963","userId":"steveb@channel5.com","givenName":"Steve","surname":"Brule","email":"steveb@channel5.com","signedUpAt":"2015-10-08T23:52:11.677Z","properties":{},"conversationStarted":true}}`},
	{"AppUsers.Create", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.AppUsers.Create(ctx, AppUserCreate{UserID: "u", CredentialRequired: true})
	}, "POST /v1.1/apps/a1/appusers", `{"userId":"u","credentialRequired":true}`, `{"appUser":{"_id":"b1","userId":"ida-7","avatarUrl":"https://a.test/u.png","signedUpAt":"2018-10-01T08:00:00.000Z","properties":{},"conversationStarted":true,"hasPaymentInfo":true,"clients":[{"_id":"d1","id":"dev-1","deviceId":"dev-1","platform":"web","integrationId":"e1","status":"active","active":true,"primary":false,"blocked":false,"info":{"currentUrl":"https://x.test","timezone":-5,"isPaymentEnabled":false}},{"_id":"d2","id":"c2","platform":"twitter","integrationId":"e2","externalId":"24953","status":"blocked","raw":{"id":1099511627776123456789,"entities":{"url":{"urls":[]}},"verified":false}},{"_id":"d3","id":"c3","platform":"carrierpigeon","status":"roosting","lastSeen":"2018-10-01T08:00:00.120Z"}],"pendingClients":[]}}`},
	{"AppUsers.Get", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.AppUsers.Get(ctx, "steveb@channel5.com") }, "GET /v1.1/apps/a1/appusers/steveb@channel5.com", "", `{"appUser":{"_id":"b1","userId":"ida-7","avatarUrl":"https://a.test/u.png","signedUpAt":"2018-10-01T08:00:00.000Z","properties":{},"conversationStarted":true,"hasPaymentInfo":true,"clients":[{"_id":"d1","id":"dev-1","deviceId":"dev-1","platform":"web","integrationId":"e1","status":"active","active":true,"primary":false,"blocked":false,"info":{"currentUrl":"https://x.test","timezone":-5,"isPaymentEnabled":false}},{"_id":"d2","id":"c2","platform":"twitter","integrationId":"e2","externalId":"24953","status":"blocked","raw":{"id":1099511627776123456789,"entities":{"url":{"urls":[]}},"verified":false}},{"_id":"d3","id":"c3","platform":"carrierpigeon","status":"roosting","lastSeen":"2018-10-01T08:00:00.120Z"}],"pendingClients":[]}}`},
	{"AppUsers.Update", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.AppUsers.Update(ctx, "u", AppUserUpdate{GivenName: new("Steve"), Surname: new("")})
	}, "PUT /v1/apps/a1/appusers/u", `{"givenName":"Steve","surname":""}`, `{"appUser":{"_id":"deb920657bbc3adc3fec7963","userId":"steveb@channel5.com","givenName":"Steve","surname":"Brule","email":"steveb@channel5.com","signedUpAt":"2015-10-08T23:52:11.677Z","properties":{},"conversationStarted":true}}`},
	{"AppUsers.Update nothing", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.AppUsers.Update(ctx, "u", AppUserUpdate{})
	}, "PUT /v1.1/apps/a1/appusers/u", `{}`, `{"appUser":{"_id":"b1","userId":"ida-7","avatarUrl":"https://a.test/u.png","signedUpAt":"2018-10-01T08:00:00.000Z","properties":{},"conversationStarted":true,"hasPaymentInfo":true,"clients":[{"_id":"d1","id":"dev-1","deviceId":"dev-1","platform":"web","integrationId":"e1","status":"active","active":true,"primary":false,"blocked":false,"info":{"currentUrl":"https://x.test","timezone":-5,"isPaymentEnabled":false}},{"_id":"d2","id":"c2","platform":"twitter","integrationId":"e2","externalId":"24953","status":"blocked","raw":{"id":1099511627776123456789,"entities":{"url":{"urls":[]}},"verified":false}},{"_id":"d3","id":"c3","platform":"carrierpigeon","status":"roosting","lastSeen":"2018-10-01T08:00:00.120Z"}],"pendingClients":[]}}`},
	{"AppUsers.Delete", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, c.AppUsers.Delete(ctx, "u") }, "DELETE /v1.1/apps/a1/appusers/u", "", ""},
	{"AppUsers.DeleteProfile", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.AppUsers.DeleteProfile(ctx, "u") }, "DELETE /v1.1/apps/a1/appusers/u/profile", "", `{"appUser":{"_id":"b1","userId":"ida-7","avatarUrl":"https://a.test/u.png","signedUpAt":"2018-10-01T08:00:00.000Z","properties":{},"conversationStarted":true,"hasPaymentInfo":true,"clients":[{"_id":"d1","id":"dev-1","deviceId":"dev-1","platform":"web","integrationId":"e1","status":"active","active":true,"primary":false,"blocked":false,"info":{"currentUrl":"https://x.test","timezone":-5,"isPaymentEnabled":false}},{"_id":"d2","id":"c2","platform":"twitter","integrationId":"e2","externalId":"24953","status":"blocked","raw":{"id":1099511627776123456789,"entities":{"url":{"urls":[]}},"verified":false}},{"_id":"d3","id":"c3","platform":"carrierpigeon","status":"roosting","lastSeen":"2018-10-01T08:00:00.120Z"}],"pendingClients":[]}}`},
	{"AppUsers.TrackEvent", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.AppUsers.TrackEvent(ctx, "u", EventTrack{Name: "completed_sale"})
	}, "POST /v1/apps/a1/appusers/u/events", `{"name":"completed_sale"}`, `{"conversationUpdated":true}`},
	{"AppUsers.UpdateDevice", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.AppUsers.UpdateDevice(ctx, "u", "d", DeviceUpdate{AppVersion: new("2")})
	}, "PUT /v1/apps/a1/appusers/u/devices/d", `{"appVersion":"2"}`, `{"device":{"id":"d","platform":"ios","active":true,"appVersion":"2"}}`},
	{"AppUsers.UpdatePushToken", V1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.AppUsers.UpdatePushToken(ctx, "u", PushTokenUpdate{DeviceID: "d", Token: "t"})
	}, "POST /v1/apps/a1/appusers/u/pushToken", `{"deviceId":"d","token":"t"}`, ""},
	{"AppUsers.Merge", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.AppUsers.Merge(ctx, AppUserMerge{Surviving: "s", Discarded: "d"})
	}, "POST /v1.1/apps/a1/appusers/merge", `{"surviving":{"_id":"s"},"discarded":{"_id":"d"}}`, ""},
	{"AppUsers.Channels", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.AppUsers.Channels(ctx, "u") }, "GET /v1.1/apps/a1/appusers/u/channels", "", `{"channels":[{"type":"twilio","integrationId":"i1","phoneNumber":"+1"},{"type":"whatsapp","integrationId":"i2","username":"32255"}]}`},
	{"AppUsers.LinkChannel", V1_1, func(ctx context.Context, c *Client) (any, error) {
		message := MessagePost{Text: "Is it you?"} // role and type are filled in
		return c.AppUsers.LinkChannel(ctx, "u", ChannelLink{Type: IntegrationTypeTwilio, PhoneNumber: "+1 514-555", Confirmation: &Confirmation{Type: ConfirmationTypeUserActivity, Message: &message}})
	}, "POST /v1.1/apps/a1/appusers/u/channels", `{"type":"twilio","phoneNumber":"+1 514-555","confirmation":{"type":"userActivity","message":{"role":"appMaker","type":"text","text":"Is it you?"}}}`, `{"appUser":{"_id":"b1","userId":"ida-7","avatarUrl":"https://a.test/u.png","signedUpAt":"2018-10-01T08:00:00.000Z","properties":{},"conversationStarted":true,"hasPaymentInfo":true,"clients":[{"_id":"d1","id":"dev-1","deviceId":"dev-1","platform":"web","integrationId":"e1","status":"active","active":true,"primary":false,"blocked":false,"info":{"currentUrl":"https://x.test","timezone":-5,"isPaymentEnabled":false}},{"_id":"d2","id":"c2","platform":"twitter","integrationId":"e2","externalId":"24953","status":"blocked","raw":{"id":1099511627776123456789,"entities":{"url":{"urls":[]}},"verified":false}},{"_id":"d3","id":"c3","platform":"carrierpigeon","status":"roosting","lastSeen":"2018-10-01T08:00:00.120Z"}],"pendingClients":[]}}`},
	{"AppUsers.LinkChannel", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.AppUsers.LinkChannel(ctx, "u", ChannelLink{Type: IntegrationTypeMailgun, Address: "a@b.c", Primary: new(false)})
	}, "POST /v1/apps/a1/appusers/u/channels", `{"type":"mailgun","address":"a@b.c","primary":false}`, `{"appUser":{"_id":"deb920657bbc3adc3fec7963","userId":"steveb@channel5.com","givenName":"Steve","surname":"Brule","email":"steveb@channel5.com","signedUpAt":"2015-10-08T23:52:11.677Z","properties":{},"conversationStarted":true}}`},
	{"AppUsers.UnlinkChannel", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.AppUsers.UnlinkChannel(ctx, "u", "twilio")
	}, "DELETE /v1.1/apps/a1/appusers/u/channels/twilio", "", ""},
	{"AppUsers.BusinessSystems", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.AppUsers.BusinessSystems(ctx, "u") }, "GET /v1.1/apps/a1/appusers/u/businesssystems", "", `{"businessSystems":[{"type":"slack","channelId":"C1"},{"type":"zendesk","ticketId":"7"},{"type":"hipchat","roomId":0},{"type":"helpscout","conversationId":"9"}]}`},
	{"AppUsers.LinkRequests", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.AppUsers.LinkRequests(ctx, "u", []string{"i1", "i2"})
	}, "GET /v1.1/apps/a1/appusers/u/linkrequest?integrationIds=i1%2Ci2", "", `{"linkRequests":[{"integrationId":"i1","type":"viber","code":"lr_1","url":"viber://pa?x=lr_1"}]}`},
	{"AppUsers.AuthCode", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.AppUsers.AuthCode(ctx, "u") }, "GET /v1.1/apps/a1/appusers/u/authcode", "", `{"authCode": "text"}`},
	{"AppUsers.PingChannel", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.AppUsers.PingChannel(ctx, "u", "twilio")
	}, "POST /v1.1/apps/a1/appusers/u/integrations/twilio/ping", "", ""},
	{"AppUsers.TransferRequests", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.AppUsers.TransferRequests(ctx, "u", "messenger")
	}, "GET /v1/apps/a1/appusers/u/transferrequest?type=messenger", "", `{"transferRequests":[{"code":"tr_1"}]}`},
	{"AppUsers.WeChatQRCode", V1, func(ctx context.Context, c *Client) (any, error) { return c.AppUsers.WeChatQRCode(ctx, "u") }, "GET /v1/apps/a1/appusers/u/integrations/wechat/qrcode", "", `{"url": "text"}`},
	{"AppUsers.ViberQRCode", V1, func(ctx context.Context, c *Client) (any, error) { return c.AppUsers.ViberQRCode(ctx, "u") }, "GET /v1/apps/a1/appusers/u/integrations/viber/qrcode", "", `{"url": "text"}`},
	{"Stripe.UpdateCustomer", V1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.Stripe.UpdateCustomer(ctx, "u", "tok")
	}, "POST /v1/apps/a1/appusers/u/stripe/customer", `{"token":"tok"}`, ""},
	{"Stripe.CreateTransaction", V1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.Stripe.CreateTransaction(ctx, "u", "act", "")
	}, "POST /v1/apps/a1/appusers/u/stripe/transaction", `{"actionId":"act"}`, ""},
	{"Stripe.Account", V1, func(ctx context.Context, c *Client) (any, error) { return c.Stripe.Account(ctx) }, "GET /v1/apps/a1/stripe/account", "", `{"account":{"id":"acct_1"}}`},
	{"Conversations.Get", V1, func(ctx context.Context, c *Client) (any, error) { return c.Conversations.Get(ctx, "u") }, "GET /v1/apps/a1/appusers/u/conversation", "", `{"conversation":{"_id":"77aa","unreadCount":0,"appMakerLastRead":1530000000.125,"appUserLastRead":1529999000.5}}`},
	{"Conversations.PostMessage as user", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.PostMessage(ctx, "u", MessagePost{Role: RoleAppUser, Text: "Just put some vinegar on it"})
	}, "POST /v1/apps/a1/appusers/u/conversation/messages", `{"text":"Just put some vinegar on it","role":"appUser"}`, `{"message":{"_id":"55c8c1498590aa1900b9b9b1","authorId":"c7f6e6d6c3a637261bd9656f","role":"appMaker","name":"Steve","text":"Just put some vinegar on it","avatarUrl":"https://www.gravatar.com/image.jpg","received":1439220041.586},"conversation":{"_id":"df0ebe56cbeab98589b8bfa7","appMakers":[],"appUsers":["c7f6e6d6c3a637261bd9656f"],"messages":[{"_id":"55c8c1498590aa1900b9b9b1","authorId":"c7f6e6d6c3a637261bd9656f","role":"appMaker","name":"Steve","text":"Just put some vinegar on it","avatarUrl":"https://www.gravatar.com/image.jpg","received":1439220041.586}]}}`},
	{"Conversations.PostMessage image", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.PostMessage(ctx, "u", MessagePost{MediaURL: "https://x.test/a.png", MediaType: "image/png"})
	}, "POST /v1/apps/a1/appusers/u/conversation/messages", `{"role":"appMaker","mediaUrl":"https://x.test/a.png","mediaType":"image/png"}`, `{"message":{"_id":"55c8c1498590aa1900b9b9b1","authorId":"c7f6e6d6c3a637261bd9656f","role":"appMaker","name":"Steve","text":"Just put some vinegar on it","avatarUrl":"https://www.gravatar.com/image.jpg","received":1439220041.586},"conversation":{"_id":"df0ebe56cbeab98589b8bfa7","appMakers":[],"appUsers":["c7f6e6d6c3a637261bd9656f"],"messages":[{"_id":"55c8c1498590aa1900b9b9b1","authorId":"c7f6e6d6c3a637261bd9656f","role":"appMaker","name":"Steve","text":"Just put some vinegar on it","avatarUrl":"https://www.gravatar.com/image.jpg","received":1439220041.586}]}}`},
	{"Conversations.PostMessage", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.PostMessage(ctx, "u", MessagePost{Text: "<hi> & bye"})
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"text","text":"<hi> & bye"}`, `{"message":{"_id":"9a0f","type":"text","role":"appMaker","text":"Noon.","authorId":"3kQz","name":"Parcel Desk","received":1530000000.125,"source":{"type":"api"}},"extraMessages":[{"_id":"9a10","type":"image","role":"appMaker","text":" ","mediaUrl":"https://m.test/a.png","mediaType":"image/png","mediaSize":4096}],"conversation":{"_id":"77aa","unreadCount":2}}`},
	{"Conversations.PostMessage carousel", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.PostMessage(ctx, "u", CarouselMessage(MessageItem{Title: "Bike", Actions: []Action{PostbackAction("Reserve", "R"), LinkAction("More", "https://x.test"), ShareAction(), BuyAction("Buy", 500, "eur")}}))
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"carousel","items":[{"title":"Bike","actions":[{"type":"postback","text":"Reserve","payload":"R"},{"type":"link","text":"More","uri":"https://x.test"},{"type":"share"},{"type":"buy","text":"Buy","amount":500,"currency":"eur"}]}]}`, `{"message":{"_id":"9a0f","type":"text","role":"appMaker","text":"Noon.","authorId":"3kQz","name":"Parcel Desk","received":1530000000.125,"source":{"type":"api"}},"extraMessages":[{"_id":"9a10","type":"image","role":"appMaker","text":" ","mediaUrl":"https://m.test/a.png","mediaType":"image/png","mediaSize":4096}],"conversation":{"_id":"77aa","unreadCount":2}}`},
	{"Conversations.PostMessage location", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.PostMessage(ctx, "u", LocationMessage(0, -73.5))
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"location","coordinates":{"lat":0,"long":-73.5}}`, `{"message":{"_id":"9a0f","type":"text","role":"appMaker","text":"Noon.","authorId":"3kQz","name":"Parcel Desk","received":1530000000.125,"source":{"type":"api"}},"extraMessages":[{"_id":"9a10","type":"image","role":"appMaker","text":" ","mediaUrl":"https://m.test/a.png","mediaType":"image/png","mediaSize":4096}],"conversation":{"_id":"77aa","unreadCount":2}}`},
	{"Conversations.PostMessage location", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.PostMessage(ctx, "u", MessagePost{Coordinates: &Coordinates{Lat: 1, Long: 2}})
	}, "POST /v1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"location","coordinates":{"lat":1,"long":2}}`, ""},
	{"Conversations.PostMessage actions", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.PostMessage(ctx, "u", MessagePost{Text: "x", Actions: []Action{ReplyAction("a", "b")}})
	}, "POST /v1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"text","text":"x","actions":[{"type":"reply","text":"a","payload":"b"}]}`, ""},
	{"Conversations.PostMessage WhatsApp", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.PostMessage(ctx, "u", WhatsAppMessage(json.RawMessage(`{"type":"template"}`)))
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","messageSchema":"whatsapp","message":{"type":"template"}}`, `{"message":{"_id":"9a0f","type":"text","role":"appMaker","text":"Noon.","authorId":"3kQz","name":"Parcel Desk","received":1530000000.125,"source":{"type":"api"}},"extraMessages":[{"_id":"9a10","type":"image","role":"appMaker","text":" ","mediaUrl":"https://m.test/a.png","mediaType":"image/png","mediaSize":4096}],"conversation":{"_id":"77aa","unreadCount":2}}`},
	{"Conversations.PostMessage override", V1_1, func(ctx context.Context, c *Client) (any, error) {
		m := TextMessage("x")
		m.Override = Override{IntegrationTypeLine: {json.RawMessage(`{"messages":[]}`)}}
		m.Destination = &MessageDestination{IntegrationType: IntegrationTypeLine}
		return c.Conversations.PostMessage(ctx, "u", m)
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"text","text":"x","override":{"line":{"payload":{"messages":[]}}},"destination":{"integrationType":"line"}}`, `{"message":{"_id":"9a0f","type":"text","role":"appMaker","text":"Noon.","authorId":"3kQz","name":"Parcel Desk","received":1530000000.125,"source":{"type":"api"}},"extraMessages":[{"_id":"9a10","type":"image","role":"appMaker","text":" ","mediaUrl":"https://m.test/a.png","mediaType":"image/png","mediaSize":4096}],"conversation":{"_id":"77aa","unreadCount":2}}`},
	{"Conversations.ListMessages", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.ListMessages(ctx, "u", MessageListOptions{Before: at.Time})
	}, "GET /v1/apps/a1/appusers/u/messages?before=1471995721.5", "", `{"conversation":{"_id":"77aa","unreadCount":0},"messages":[]}`},
	{"Conversations.ListMessages", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.ListMessages(ctx, "u", MessageListOptions{OldestFirst: true})
	}, "GET /v1.1/apps/a1/appusers/u/messages?after=0", "", `{"conversation":{"_id":"77aa","unreadCount":0},"messages":[{"_id":"m1","type":"text","role":"appUser","received":1471995721,"text":"a"}],"previous":"https://api.smooch.io/v1.1/apps/a/appusers/u/messages?before=1471995721","next":"https://api.smooch.io/v1.1/apps/a/appusers/u/messages?after=1471995721"}`},
	{"Conversations.Messages", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, drain(c.Conversations.Messages(ctx, "u", MessageListOptions{Before: at.Time}))
	}, "GET /v1.1/apps/a1/appusers/u/messages?before=1471995721.5", "", ""},
	{"Conversations.FindSent", V1, func(ctx context.Context, c *Client) (any, error) {
		_, err := c.Conversations.FindSent(ctx, "u", "order-7", at.Time)
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		return nil, err
	}, "GET /v1/apps/a1/appusers/u/messages", "", ""},
	{"Conversations.UploadImage", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.UploadImage(ctx, "u", Upload{Source: strings.NewReader("GIF89a")}, MessagePost{Role: RoleAppUser, Name: "Ida"})
	}, "POST /v1/apps/a1/appusers/u/conversation/images", "multipart: sourceimage/gif=GIF89a role=appUser name=Ida", `{"message":{"_id":"55c8c1498590aa1900b9b9b1","authorId":"c7f6e6d6c3a637261bd9656f","role":"appMaker","name":"Steve","text":"Just put some vinegar on it","avatarUrl":"https://www.gravatar.com/image.jpg","received":1439220041.586},"conversation":{"_id":"df0ebe56cbeab98589b8bfa7","appMakers":[],"appUsers":["c7f6e6d6c3a637261bd9656f"],"messages":[{"_id":"55c8c1498590aa1900b9b9b1","authorId":"c7f6e6d6c3a637261bd9656f","role":"appMaker","name":"Steve","text":"Just put some vinegar on it","avatarUrl":"https://www.gravatar.com/image.jpg","received":1439220041.586}]}}`},
	{"Conversations.UploadImage destination", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.UploadImage(ctx, "u", Upload{Source: strings.NewReader("GIF89a")}, MessagePost{Destination: &MessageDestination{IntegrationID: "i"}})
	}, "POST /v1/apps/a1/appusers/u/images", `multipart: sourceimage/gif=GIF89a role=appMaker destination={"integrationId":"i"}`, ""},
	{"Conversations.UploadImage", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.UploadImage(ctx, "u", Upload{Source: strings.NewReader("GIF89a")}, MessagePost{})
	}, "POST /v1.1/apps/a1/appusers/u/images", "multipart: sourceimage/gif=GIF89a role=appMaker", `{"message":{"_id":"9a0f","type":"text","role":"appMaker","text":"Noon.","authorId":"3kQz","name":"Parcel Desk","received":1530000000.125,"source":{"type":"api"}},"extraMessages":[{"_id":"9a10","type":"image","role":"appMaker","text":" ","mediaUrl":"https://m.test/a.png","mediaType":"image/png","mediaSize":4096}],"conversation":{"_id":"77aa","unreadCount":2}}`},
	{"Conversations.DeleteMessage", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.Conversations.DeleteMessage(ctx, "u", "m")
	}, "DELETE /v1.1/apps/a1/appusers/u/messages/m", "", ""},
	{"Conversations.DeleteMessages", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.Conversations.DeleteMessages(ctx, "u")
	}, "DELETE /v1.1/apps/a1/appusers/u/messages", "", ""},
	{"Conversations.PostActivity", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Conversations.PostActivity(ctx, "u", Activity{Type: ActivityTypeTypingStart})
	}, "POST /v1.1/apps/a1/appusers/u/conversation/activity", `{"role":"appMaker","type":"typing:start"}`, `{"conversation":{"_id":"77aa","unreadCount":0,"appMakerLastRead":1530000000.125,"appUserLastRead":1529999000.5}}`},
	{"Conversations.ResetUnreadCount", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.Conversations.ResetUnreadCount(ctx, "u")
	}, "POST /v1.1/apps/a1/appusers/u/conversation/read", "", ""},
	{"Conversations.Postback", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.Conversations.Postback(ctx, "u", "act")
	}, "POST /v1.1/apps/a1/appusers/u/conversation/postback", `{"actionId":"act"}`, ""},
	{"Attachments.Upload", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Attachments.Upload(ctx, Upload{Source: strings.NewReader("GIF89a")}, AttachmentOptions{Access: AttachmentAccessPrivate, For: "message", AppUserID: "u", Type: "image/x"})
	}, "POST /v1.1/apps/a1/attachments?access=private&appUserId=u&for=message", "multipart: sourceimage/gif=GIF89a type=image/x", `{"mediaUrl":"https://m.test/x","mediaType":"image/png"}`},
	{"Attachments.Delete", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.Attachments.Delete(ctx, "https://m.test/x")
	}, "POST /v1.1/apps/a1/attachments/remove", `{"mediaUrl":"https://m.test/x"}`, ""},
	{"Attachments.CreateMediaToken", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Attachments.CreateMediaToken(ctx, []string{"/apps/a1"})
	}, "POST /v1.1/apps/a1/attachments/token", `{"paths":["/apps/a1"]}`, `{"tokens":{"/apps/a1":"tok"}}`},
	{"Attachments.SetCookie", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, c.Attachments.SetCookie(ctx, "tok") }, "GET /v1.1/apps/a1/attachments/cookie", "", ""},
	{"Notifications.Post", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Notifications.Post(ctx, NotificationPost{Destination: NotificationDestination{"i", "32255"}, Author: NotificationAuthor{Name: "Depot"}, Message: TextMessage("hi")})
	}, "POST /v1.1/apps/a1/notifications", `{"destination":{"integrationId":"i","destinationId":"32255"},"author":{"role":"appMaker","name":"Depot"},"message":{"type":"text","text":"hi"}}`, `{"notification":{"_id":"5f0e-uuid"}}`},
	{"Notifications.Post WhatsApp, spelt out", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Notifications.Post(ctx, NotificationPost{MessageSchema: "whatsapp", Message: MessagePost{Message: json.RawMessage(`{"type":"hsm"}`)}})
	}, "POST /v1.1/apps/a1/notifications", `{"destination":{"integrationId":"","destinationId":""},"author":{"role":"appMaker"},"messageSchema":"whatsapp","message":{"type":"hsm"}}`, `{"notification":{"_id":"5f0e-uuid"}}`},
	{"Notifications.Post with a role", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Notifications.Post(ctx, NotificationPost{Message: MessagePost{Role: RoleAppMaker, Text: "hi"}})
	}, "POST /v1.1/apps/a1/notifications", `{"destination":{"integrationId":"","destinationId":""},"author":{"role":"appMaker"},"message":{"type":"text","text":"hi"}}`, `{"notification":{"_id":"5f0e-uuid"}}`},
	{"Notifications.Post WhatsApp", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Notifications.Post(ctx, NotificationPost{Destination: NotificationDestination{"i", "32255"}, Message: WhatsAppMessage(json.RawMessage(`{"type":"hsm"}`))})
	}, "POST /v1/apps/a1/notifications", `{"destination":{"integrationId":"i","destinationId":"32255"},"author":{"role":"appMaker"},"messageSchema":"whatsapp","message":{"type":"hsm"}}`, `{"notification":{"_id":"5f0e-uuid"}}`},
	{"Menu.Get", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Menu.Get(ctx) }, "GET /v1.1/apps/a1/menu", "", `{"menu":{"items":[{"_id":"1","type":"link","text":"A","uri":"https://x.test"},{"_id":"2","type":"postback","text":"B","payload":"P"},{"_id":"3","type":"submenu","text":"C","items":[{"_id":"4","type":"submenu","text":"D","items":[{"_id":"5","type":"postback","text":"E","payload":"Q"}]}]}],"settings":{"inputEnabled":false}}}`},
	{"Menu.Update", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Menu.Update(ctx, Menu{}) }, "PUT /v1.1/apps/a1/menu", `{"items":[]}`, `{"menu":{"items":[{"_id":"1","type":"link","text":"A","uri":"https://x.test"},{"_id":"2","type":"postback","text":"B","payload":"P"},{"_id":"3","type":"submenu","text":"C","items":[{"_id":"4","type":"submenu","text":"D","items":[{"_id":"5","type":"postback","text":"E","payload":"Q"}]}]}],"settings":{"inputEnabled":false}}}`},
	{"Menu.Delete", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, c.Menu.Delete(ctx) }, "DELETE /v1.1/apps/a1/menu", "", ""},
	{"Integrations.Create messenger", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.Create(ctx, MessengerCreate{PageAccessToken: "p", AppID: "f", AppSecret: "s"})
	}, "POST /v1/apps/a1/integrations", `{"type":"messenger","pageAccessToken":"p","appId":"f","appSecret":"s"}`, `{"integration":{"_id":"1","type":"viber","uri":"acct"}}`},
	{"Integrations.Create twilio", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.Create(ctx, TwilioCreate{AccountSID: "AC", AuthToken: "t", PhoneNumberSID: "PN", DisplayName: "Depot"})
	}, "POST /v1.1/apps/a1/integrations", `{"type":"twilio","accountSid":"AC","authToken":"t","phoneNumberSid":"PN","displayName":"Depot"}`, `{"integration":{"_id":"1","type":"viber","uri":"a"}}`},
	{"Integrations.Create telegram", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.Create(ctx, TelegramCreate{Token: "t"})
	}, "POST /v1/apps/a1/integrations", `{"type":"telegram","token":"t"}`, `{"integration":{"_id":"1","type":"viber","uri":"acct"}}`},
	{"Integrations.Create line", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.Create(ctx, LineCreate{ChannelID: "1", ChannelSecret: "s", MID: "u"})
	}, "POST /v1/apps/a1/integrations", `{"type":"line","channelId":"1","channelSecret":"s","mid":"u"}`, `{"integration":{"_id":"1","type":"viber","uri":"acct"}}`},
	{"Integrations.Create ios", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Integrations.Create(ctx, IOSCreate{}) }, "POST /v1.1/apps/a1/integrations", `{"type":"ios"}`, `{"integration":{"_id":"1","type":"viber","uri":"a"}}`},
	{"Integrations.Create custom", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.Create(ctx, CustomIntegration("pigeon", map[string]any{"loft": 7, "type": "hawk"}), WithField("nest", true))
	}, "POST /v1.1/apps/a1/integrations", `{"type":"pigeon","loft":7,"nest":true}`, `{"integration":{"_id":"1","type":"viber","uri":"a"}}`},
	{"Integrations.List", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.List(ctx, IntegrationListOptions{Types: []IntegrationType{"twilio", "line"}})
	}, "GET /v1/apps/a1/integrations?types=twilio%2Cline", "", `{"integrations":[{"_id":"1","type":"viber","uri":"acct"}],"hasMore":false}`},
	{"Integrations.All", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, drain(c.Integrations.All(ctx, IntegrationListOptions{Limit: 7, Offset: 7}))
	}, "GET /v1.1/apps/a1/integrations?limit=7&offset=7", "", ""},
	{"Integrations.Get", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Integrations.Get(ctx, "i") }, "GET /v1.1/apps/a1/integrations/i", "", `{"integration":{"_id":"1","type":"viber","uri":"a"}}`},
	{"Integrations.Update", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.Update(ctx, "i", IntegrationUpdate{BrandColor: new(""), OriginWhitelist: []string{}}, WithField("integrationOrder", nil))
	}, "PUT /v1.1/apps/a1/integrations/i", `{"brandColor":"","originWhitelist":[],"integrationOrder":null}`, `{"integration":{"_id":"1","type":"viber","uri":"a"}}`},
	{"Integrations.Delete", V1, func(ctx context.Context, c *Client) (any, error) { return nil, c.Integrations.Delete(ctx, "i") }, "DELETE /v1/apps/a1/integrations/i", "", ""},
	{"Integrations.GetMenu", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Integrations.GetMenu(ctx, "i") }, "GET /v1.1/apps/a1/integrations/i/menu", "", `{"menu":{"items":[{"_id":"1","type":"link","text":"A","uri":"https://x.test"},{"_id":"2","type":"postback","text":"B","payload":"P"},{"_id":"3","type":"submenu","text":"C","items":[{"_id":"4","type":"submenu","text":"D","items":[{"_id":"5","type":"postback","text":"E","payload":"Q"}]}]}],"settings":{"inputEnabled":false}}}`},
	{"Integrations.CreateMenu", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Integrations.CreateMenu(ctx, "i", Menu{}) }, "POST /v1.1/apps/a1/integrations/i/menu", `{"items":[]}`, `{"menu":{"items":[{"_id":"1","type":"link","text":"A","uri":"https://x.test"},{"_id":"2","type":"postback","text":"B","payload":"P"},{"_id":"3","type":"submenu","text":"C","items":[{"_id":"4","type":"submenu","text":"D","items":[{"_id":"5","type":"postback","text":"E","payload":"Q"}]}]}],"settings":{"inputEnabled":false}}}`},
	{"Integrations.UpdateMenu", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.UpdateMenu(ctx, "i", Menu{Items: []MenuItem{{Type: MenuItemTypeLink, Text: "A", URI: "https://x.test"}}, Settings: &MenuSettings{InputEnabled: new(false)}})
	}, "PUT /v1.1/apps/a1/integrations/i/menu", `{"items":[{"type":"link","text":"A","uri":"https://x.test"}],"settings":{"inputEnabled":false}}`, `{"menu":{"items":[{"_id":"1","type":"link","text":"A","uri":"https://x.test"},{"_id":"2","type":"postback","text":"B","payload":"P"},{"_id":"3","type":"submenu","text":"C","items":[{"_id":"4","type":"submenu","text":"D","items":[{"_id":"5","type":"postback","text":"E","payload":"Q"}]}]}],"settings":{"inputEnabled":false}}}`},
	{"Integrations.DeleteMenu", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, c.Integrations.DeleteMenu(ctx, "i") }, "DELETE /v1.1/apps/a1/integrations/i/menu", "", ""},
	{"Integrations.GetProfile", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Integrations.GetProfile(ctx, "i") }, "GET /v1.1/apps/a1/integrations/i/profile", "", `{"profile":{"about":"a","address":"b","description":"c","email":"d@e.f","photoUrl":"https://p.test","vertical":"v","websites":["https://w.test"]}}`},
	{"Integrations.UpdateProfile", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.UpdateProfile(ctx, "i", ProfileUpdate{About: new("a"), Websites: []string{"https://x.test"}})
	}, "PUT /v1.1/apps/a1/integrations/i/profile", `{"about":"a","websites":["https://x.test"]}`, `{"profile":{"about":"a","address":"b","description":"c","email":"d@e.f","photoUrl":"https://p.test","vertical":"v","websites":["https://w.test"]}}`},
	{"Integrations.UploadProfilePhoto", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.UploadProfilePhoto(ctx, "i", Upload{Source: strings.NewReader("GIF89a")})
	}, "PUT /v1.1/apps/a1/integrations/i/profile/photo", "multipart: sourceimage/gif=GIF89a", `{"photoUrl":"https://m.test/p"}`},
	{"Integrations.ListMessageTemplates", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.ListMessageTemplates(ctx, "i", MessageTemplateListOptions{Name: "n", Limit: 2, After: "c"})
	}, "GET /v1.1/apps/a1/integrations/i/messageTemplates?after=c&limit=2&name=n", "", `{"messageTemplates":[{"id":"123456","name":"alert","language":"en_US","category":"ALERT_UPDATE","status":"PENDING","components":[{"type":"BODY","text":"x {{1}}"}]}]}`},
	{"Integrations.CreateMessageTemplate", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Integrations.CreateMessageTemplate(ctx, "i", MessageTemplateCreate{Name: "n", Language: "en_US", Category: "ALERT_UPDATE", Components: json.RawMessage(`[]`)})
	}, "POST /v1.1/apps/a1/integrations/i/messageTemplates", `{"name":"n","language":"en_US","category":"ALERT_UPDATE","components":[]}`, `{"messageTemplate":{"id":"123456","name":"alert","language":"en_US","category":"ALERT_UPDATE","status":"PENDING","components":[{"type":"BODY","text":"x {{1}}"}]}}`},
	{"Integrations.DeleteMessageTemplate", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return nil, c.Integrations.DeleteMessageTemplate(ctx, "i", "n/m")
	}, "DELETE /v1.1/apps/a1/integrations/i/messageTemplates/n%2Fm", "", ""},
	{"Templates.Create", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Templates.Create(ctx, TemplateCreate{Name: "t", Message: MessagePost{Text: "x"}})
	}, "POST /v1.1/apps/a1/templates", `{"name":"t","message":{"role":"appMaker","type":"text","text":"x"}}`, `{"template":{"_id":"t1","name":"hello","message":{"type":"text","role":"appMaker","text":"Hi","actions":[{"type":"link","text":"Go","uri":"https://x.test"}]}}}`},
	{"Templates.List", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Templates.List(ctx, TemplateListOptions{Offset: 25})
	}, "GET /v1.1/apps/a1/templates?offset=25", "", `{"templates":[{"_id":"t1","name":"hello","message":{"type":"text","role":"appMaker","text":"Hi","actions":[{"type":"link","text":"Go","uri":"https://x.test"}]}}],"hasMore":false,"offset":25}`},
	{"Templates.All", V1, func(ctx context.Context, c *Client) (any, error) {
		return nil, drain(c.Templates.All(ctx, TemplateListOptions{}))
	}, "GET /v1/apps/a1/templates", "", ""},
	{"Templates.Get", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Templates.Get(ctx, "t") }, "GET /v1.1/apps/a1/templates/t", "", `{"template":{"_id":"t1","name":"hello","message":{"type":"text","role":"appMaker","text":"Hi","actions":[{"type":"link","text":"Go","uri":"https://x.test"}]}}}`},
	{"Templates.Update", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Templates.Update(ctx, "t", TemplateUpdate{Name: new("n")})
	}, "PUT /v1.1/apps/a1/templates/t", `{"name":"n"}`, `{"template":{"_id":"t1","name":"hello","message":{"type":"text","role":"appMaker","text":"Hi","actions":[{"type":"link","text":"Go","uri":"https://x.test"}]}}}`},
	{"Templates.Delete", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, c.Templates.Delete(ctx, "t") }, "DELETE /v1.1/apps/a1/templates/t", "", ""},
	{"Webhooks.Create", V1, func(ctx context.Context, c *Client) (any, error) {
		return c.Webhooks.Create(ctx, WebhookCreate{Target: "http://example.com/callback"})
	}, "POST /v1/apps/a1/webhooks", `{"target":"http://example.com/callback"}`, `{"webhook":{"_id":"55c8d9758590aa1900b9b9f6","triggers":["message"],"secret":"8564b3e6a8b20a4bdb68b05d9ea97aace9bc5936","target":"http://example.com/callback"}}`},
	{"Webhooks.Create", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Webhooks.Create(ctx, WebhookCreate{Target: "http://example.com/callback", Triggers: []Trigger{TriggerMessageAppUser}, IncludeClient: true})
	}, "POST /v1.1/apps/a1/webhooks", `{"target":"http://example.com/callback","triggers":["message:appUser"],"includeClient":true}`, `{"webhook":{"_id":"5c1","triggers":["message:appUser","message:delivery:failure"],"secret":"sT0","target":"https://bot.test/s","version":"v1.1","includeClient":false,"includeFullAppUser":true}}`},
	{"Webhooks.Ensure", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Webhooks.Ensure(ctx, WebhookCreate{Target: "http://example.com/callback", Triggers: []Trigger{TriggerMessage}, IncludeClient: true})
	}, "PUT /v1.1/apps/a1/webhooks/55c8d9758590aa1900b9b9f6", `{"includeClient":true}`, `{"webhooks":[{"_id":"55c8d9758590aa1900b9b9f6","triggers":["message"],"secret":"8564b3e6a8b20a4bdb68b05d9ea97aace9bc5936","target":"http://example.com/callback","version":"v1.1"}],"webhook":{"_id":"55c8d9758590aa1900b9b9f6","triggers":["message"],"secret":"8564b3e6a8b20a4bdb68b05d9ea97aace9bc5936","target":"http://example.com/callback","version":"v1.1"}}`},
	{"Webhooks.List", V1, func(ctx context.Context, c *Client) (any, error) { return c.Webhooks.List(ctx) }, "GET /v1/apps/a1/webhooks", "", `{"webhooks":[{"_id":"55c8d9758590aa1900b9b9f6","triggers":["message"],"secret":"8564b3e6a8b20a4bdb68b05d9ea97aace9bc5936","target":"http://example.com/callback"}]}`},
	{"Webhooks.Get", V1, func(ctx context.Context, c *Client) (any, error) { return c.Webhooks.Get(ctx, "w") }, "GET /v1/apps/a1/webhooks/w", "", `{"webhook":{"_id":"55c8d9758590aa1900b9b9f6","triggers":["message"],"secret":"8564b3e6a8b20a4bdb68b05d9ea97aace9bc5936","target":"http://example.com/callback"}}`},
	{"Webhooks.Update", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Webhooks.Update(ctx, "w", WebhookUpdate{IncludeClient: new(false)})
	}, "PUT /v1.1/apps/a1/webhooks/w", `{"includeClient":false}`, `{"webhook":{"_id":"5c1","triggers":["message:appUser","message:delivery:failure"],"secret":"sT0","target":"https://bot.test/s","version":"v1.1","includeClient":false,"includeFullAppUser":true}}`},
	{"Webhooks.Delete", V1, func(ctx context.Context, c *Client) (any, error) { return nil, c.Webhooks.Delete(ctx, "w") }, "DELETE /v1/apps/a1/webhooks/w", "", ""},
	{"Deployments.Create", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Deployments.Create(ctx, DeploymentCreate{Hosting: HostingSelf, BaseURL: "https://w.test", Username: "u", Password: "p"})
	}, "POST /v1.1/whatsapp/deployments", `{"hosting":"self","baseUrl":"https://w.test","username":"u","password":"p"}`, `{"deployment":{"_id":"d2","status":"starting","hosting":"smooch"}}`},
	{"Deployments.List", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Deployments.List(ctx) }, "GET /v1.1/whatsapp/deployments", "", `{"deployments":[{"_id":"d2","status":"starting","hosting":"smooch"}]}`},
	{"Deployments.All", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, drain(c.Deployments.All(ctx)) }, "GET /v1.1/whatsapp/deployments", "", ""},
	{"Deployments.Get", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Deployments.Get(ctx, "d") }, "GET /v1.1/whatsapp/deployments/d", "", `{"deployment":{"_id":"d2","status":"starting","hosting":"smooch"}}`},
	{"Deployments.Delete", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, c.Deployments.Delete(ctx, "d") }, "DELETE /v1.1/whatsapp/deployments/d", "", ""},
	{"Deployments.Activate", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.Deployments.Activate(ctx, "d", DeploymentActivate{PhoneNumber: "+1", VerifiedNameCertificate: "c", Method: ActivationMethodSMS})
	}, "POST /v1.1/whatsapp/deployments/d/activate", `{"phoneNumber":"+1","verifiedNameCertificate":"c","method":"sms"}`, `{"deployment":{"_id":"d2","status":"starting","hosting":"smooch"}}`},
	{"Deployments.ConfirmCode", V1_1, func(ctx context.Context, c *Client) (any, error) { return c.Deployments.ConfirmCode(ctx, "d", "123") }, "POST /v1.1/whatsapp/deployments/d/code/confirm", `{"code":"123"}`, `{"deployment":{"_id":"d2","status":"starting","hosting":"smooch"}}`},
	{"OAuth.AuthorizeURL", V1_1, func(ctx context.Context, c *Client) (any, error) {
		address, err := c.OAuth.AuthorizeURL(OAuthAuthorize{ClientID: "id", State: "x&y"})
		if err != nil {
			return nil, err
		}
		return nil, browse(ctx, address)
	}, "GET /oauth/authorize?client_id=id&response_type=code&state=x%26y", "", ""},
	{"OAuth.Exchange", V1_1, func(ctx context.Context, c *Client) (any, error) {
		return c.OAuth.Exchange(ctx, OAuthExchange{Code: "c d", ClientID: "id", ClientSecret: "s"})
	}, "POST /oauth/token", "form: client_id=id&client_secret=s&code=c+d&grant_type=authorization_code", `{"access_token":"t0k","token_type":"Bearer"}`},
	{"OAuth.Revoke", V1_1, func(ctx context.Context, c *Client) (any, error) { return nil, c.OAuth.Revoke(ctx, "tok") }, "DELETE /oauth/authorization", "", ""},
}

func TestCallsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, w := range wires {
		t.Run(w.name+" "+string(w.v), func(t *testing.T) {
			t.Parallel()
			rec := newRecorder(t, reply(200, cmp.Or(w.answer, anything)))
			c := newTestClient(t, rec.URL, AccountJWT("act_1", "s"), WithApp("a1"))
			result, err := w.call(t.Context(), c.ForVersion(w.v))
			require.NoError(t, err)
			got := rec.last(t)
			assert.Equal(t, w.want, got.method+" "+got.uri)
			assert.Equal(t, "application/json", got.header.Get("Accept"))
			switch kind := got.header.Get("Content-Type"); {
			case w.body == "":
				assert.Empty(t, got.body)
				assert.Empty(t, kind)
			case strings.HasPrefix(w.body, "{"):
				assert.JSONEq(t, w.body, got.body)
				assert.Equal(t, "application/json", kind)
			default:
				assert.Equal(t, w.body, formLine(t, kind, got.body))
			}
			if w.answer != "" {
				encoded, err := lenient.Marshal(result)
				require.NoError(t, err)
				assertSameJSON(t, resultOf(t, w), encoded)
			}
		})
	}
}

// operation returns the row of a wire's method, the last one if it has several.
func (w wire) operation(t *testing.T) *operation {
	t.Helper()
	name, _, _ := strings.Cut(w.name, " ")
	i := slices.IndexFunc(methods(t), func(m method) bool { return m.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	paths := methods(t)[i].documented()
	i = slices.IndexFunc(operations, func(op *operation) bool { return op.String() == paths[len(paths)-1] })
	require.GreaterOrEqual(t, i, 0, name)
	return operations[i]
}

// resultOf is the part of a wire's answer that its method returns.
func resultOf(t *testing.T, w wire) []byte {
	t.Helper()
	var answer map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(w.answer), &answer))
	op := w.operation(t)
	result, wrapped := answer[op.answer]
	if _, paged := answer["hasMore"]; paged {
		offset := cmp.Or(string(answer["offset"]), "0")
		return fmt.Appendf(nil, `{"Items":%s,"Offset":%s,"HasMore":%s}`, result, offset, answer["hasMore"])
	}
	if !wrapped {
		return []byte(w.answer)
	}
	return result
}

// formLine writes a form as one line.
func formLine(t *testing.T, contentType, body string) string {
	kind, params, err := mime.ParseMediaType(contentType)
	require.NoError(t, err)
	if kind == "application/x-www-form-urlencoded" {
		return "form: " + body
	}
	require.Equal(t, "multipart/form-data", kind)
	text := "multipart:"
	reader := multipart.NewReader(strings.NewReader(body), params["boundary"])
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return text
		}
		require.NoError(t, err)
		data, err := io.ReadAll(part)
		require.NoError(t, err)
		text += fmt.Sprintf(" %s%s=%s", part.FormName(), strings.Join(part.Header["Content-Type"], ""), data)
	}
}
