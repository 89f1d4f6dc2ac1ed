package smooch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wire is a call and what the service must receive.
type wire struct {
	name string
	v    Version
	call func(context.Context, *Client) error
	want string // method, path and query, as they are sent
	body string // JSON, or a form as formLine writes it; "": none
}

func ignore[T any](_ T, err error) error { return err }

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
	{"Apps.Create", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Apps.Create(ctx, AppCreate{Name: "My App"}))
	}, "POST /v1/apps", `{"name":"My App"}`},
	{"Apps.Create", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Apps.Create(ctx, AppCreate{Name: "A", Settings: &AppSettings{EchoPostback: new(false)}, Metadata: map[string]any{"n": 1}}))
	}, "POST /v1.1/apps", `{"name":"A","settings":{"echoPostback":false},"metadata":{"n":1}}`},
	{"Apps.List", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Apps.List(ctx, AppListOptions{Limit: 50, Offset: 100, ServiceAccountID: "s/1"}))
	}, "GET /v1/apps?limit=50&offset=100&serviceAccountId=s%2F1", ""},
	{"Apps.List", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Apps.List(ctx, AppListOptions{})) }, "GET /v1.1/apps", ""},
	{"Apps.All", V1_1, func(ctx context.Context, c *Client) error { return drain(c.Apps.All(ctx, AppListOptions{Offset: 3})) }, "GET /v1.1/apps?offset=3", ""},
	{"Apps.Get", V1, func(ctx context.Context, c *Client) error { return ignore(c.Apps.Get(ctx, "a2")) }, "GET /v1/apps/a2", ""},
	{"Apps.Update", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Apps.Update(ctx, "a2", AppUpdate{Name: new("B")}))
	}, "PUT /v1.1/apps/a2", `{"name":"B"}`},
	{"Apps.Delete", V1_1, func(ctx context.Context, c *Client) error { return c.Apps.Delete(ctx, "a2") }, "DELETE /v1.1/apps/a2", ""},
	{"Apps.SDKIDs", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Apps.SDKIDs(ctx)) }, "GET /v1.1/apps/a1/sdks", ""},
	{"Keys.Create", V1, func(ctx context.Context, c *Client) error { return ignore(c.Keys.Create(ctx, KeyCreate{Name: "key1"})) }, "POST /v1/apps/a1/keys", `{"name":"key1"}`},
	{"Keys.List", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Keys.List(ctx)) }, "GET /v1.1/apps/a1/keys", ""},
	{"Keys.Get", V1, func(ctx context.Context, c *Client) error { return ignore(c.Keys.Get(ctx, "k")) }, "GET /v1/apps/a1/keys/k", ""},
	{"Keys.Delete", V1, func(ctx context.Context, c *Client) error { return c.Keys.Delete(ctx, "k") }, "DELETE /v1/apps/a1/keys/k", ""},
	{"Keys.JWT", V1, func(ctx context.Context, c *Client) error { return ignore(c.Keys.JWT(ctx, "k")) }, "GET /v1/apps/a1/keys/k/jwt", ""},
	{"ServiceAccounts.Create", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.ServiceAccounts.Create(ctx, ServiceAccountCreate{Name: "s"}))
	}, "POST /v1.1/serviceaccounts", `{"name":"s"}`},
	{"ServiceAccounts.List", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.ServiceAccounts.List(ctx, ServiceAccountListOptions{Limit: 1}))
	}, "GET /v1.1/serviceaccounts?limit=1", ""},
	{"ServiceAccounts.All", V1, func(ctx context.Context, c *Client) error {
		return drain(c.ServiceAccounts.All(ctx, ServiceAccountListOptions{}))
	}, "GET /v1/serviceaccounts", ""},
	{"ServiceAccounts.Get", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.ServiceAccounts.Get(ctx, "s")) }, "GET /v1.1/serviceaccounts/s", ""},
	{"ServiceAccounts.Update", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.ServiceAccounts.Update(ctx, "s", ServiceAccountUpdate{Name: "t"}))
	}, "PUT /v1.1/serviceaccounts/s", `{"name":"t"}`},
	{"ServiceAccounts.Delete", V1_1, func(ctx context.Context, c *Client) error { return c.ServiceAccounts.Delete(ctx, "s") }, "DELETE /v1.1/serviceaccounts/s", ""},
	{"ServiceAccounts.CreateKey", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.ServiceAccounts.CreateKey(ctx, "s", KeyCreate{Name: "k"}))
	}, "POST /v1.1/serviceaccounts/s/keys", `{"name":"k"}`},
	{"ServiceAccounts.ListKeys", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.ServiceAccounts.ListKeys(ctx, "s")) }, "GET /v1.1/serviceaccounts/s/keys", ""},
	{"ServiceAccounts.GetKey", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.ServiceAccounts.GetKey(ctx, "s", "k")) }, "GET /v1.1/serviceaccounts/s/keys/k", ""},
	{"ServiceAccounts.DeleteKey", V1_1, func(ctx context.Context, c *Client) error { return c.ServiceAccounts.DeleteKey(ctx, "s", "k") }, "DELETE /v1.1/serviceaccounts/s/keys/k", ""},
	{"ServiceAccounts.KeyJWT", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.ServiceAccounts.KeyJWT(ctx, "s", "k")) }, "GET /v1.1/serviceaccounts/s/keys/k/jwt", ""},
	{"Init", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Init(ctx, InitRequest{UserID: "bob@example.com", Device: Device{ID: "03f7", Platform: PlatformIOS, AppVersion: "1.0", PushNotificationToken: "p", Info: map[string]any{InfoAppName: "foo"}}}))
	}, "POST /v1/apps/a1/init", `{"device":{"id":"03f7","platform":"ios","pushNotificationToken":"p","appVersion":"1.0","info":{"appName":"foo"}},"userId":"bob@example.com"}`},
	{"AppUsers.Create", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.AppUsers.Create(ctx, AppUserCreate{UserID: "steveb@channel5.com", GivenName: "Steve", SignedUpAt: ISOTime{time.Date(2015, 10, 8, 20, 52, 11, 677e6, time.FixedZone("", -3*3600))}, Properties: map[string]any{"favoriteFood": "prizza"}}))
	}, "POST /v1/apps/a1/appusers", `{"userId":"steveb@channel5.com","givenName":"Steve","signedUpAt":"2015-10-08T23:52:11.677Z","properties":{"favoriteFood":"prizza"}}`},
	{"AppUsers.Create", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.AppUsers.Create(ctx, AppUserCreate{UserID: "u", CredentialRequired: true}))
	}, "POST /v1.1/apps/a1/appusers", `{"userId":"u","credentialRequired":true}`},
	{"AppUsers.Get", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.AppUsers.Get(ctx, "steveb@channel5.com")) }, "GET /v1.1/apps/a1/appusers/steveb@channel5.com", ""},
	{"AppUsers.Update", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.AppUsers.Update(ctx, "u", AppUserUpdate{GivenName: new("Steve"), Surname: new("")}))
	}, "PUT /v1/apps/a1/appusers/u", `{"givenName":"Steve","surname":""}`},
	{"AppUsers.Update nothing", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.AppUsers.Update(ctx, "u", AppUserUpdate{}))
	}, "PUT /v1.1/apps/a1/appusers/u", `{}`},
	{"AppUsers.Delete", V1_1, func(ctx context.Context, c *Client) error { return c.AppUsers.Delete(ctx, "u") }, "DELETE /v1.1/apps/a1/appusers/u", ""},
	{"AppUsers.DeleteProfile", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.AppUsers.DeleteProfile(ctx, "u")) }, "DELETE /v1.1/apps/a1/appusers/u/profile", ""},
	{"AppUsers.TrackEvent", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.AppUsers.TrackEvent(ctx, "u", EventTrack{Name: "completed_sale"}))
	}, "POST /v1/apps/a1/appusers/u/events", `{"name":"completed_sale"}`},
	{"AppUsers.UpdateDevice", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.AppUsers.UpdateDevice(ctx, "u", "d", DeviceUpdate{AppVersion: new("2")}))
	}, "PUT /v1/apps/a1/appusers/u/devices/d", `{"appVersion":"2"}`},
	{"AppUsers.UpdatePushToken", V1, func(ctx context.Context, c *Client) error {
		return c.AppUsers.UpdatePushToken(ctx, "u", PushTokenUpdate{DeviceID: "d", Token: "t"})
	}, "POST /v1/apps/a1/appusers/u/pushToken", `{"deviceId":"d","token":"t"}`},
	{"AppUsers.Merge", V1_1, func(ctx context.Context, c *Client) error {
		return c.AppUsers.Merge(ctx, AppUserMerge{Surviving: "s", Discarded: "d"})
	}, "POST /v1.1/apps/a1/appusers/merge", `{"surviving":{"_id":"s"},"discarded":{"_id":"d"}}`},
	{"AppUsers.Channels", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.AppUsers.Channels(ctx, "u")) }, "GET /v1.1/apps/a1/appusers/u/channels", ""},
	{"AppUsers.LinkChannel", V1_1, func(ctx context.Context, c *Client) error {
		message := MessagePost{Text: "Is it you?"} // role and type are filled in
		return ignore(c.AppUsers.LinkChannel(ctx, "u", ChannelLink{Type: IntegrationTypeTwilio, PhoneNumber: "+1 514-555", Confirmation: &Confirmation{Type: ConfirmationTypeUserActivity, Message: &message}}))
	}, "POST /v1.1/apps/a1/appusers/u/channels", `{"type":"twilio","phoneNumber":"+1 514-555","confirmation":{"type":"userActivity","message":{"role":"appMaker","type":"text","text":"Is it you?"}}}`},
	{"AppUsers.LinkChannel", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.AppUsers.LinkChannel(ctx, "u", ChannelLink{Type: IntegrationTypeMailgun, Address: "a@b.c", Primary: new(false)}))
	}, "POST /v1/apps/a1/appusers/u/channels", `{"type":"mailgun","address":"a@b.c","primary":false}`},
	{"AppUsers.UnlinkChannel", V1_1, func(ctx context.Context, c *Client) error {
		return c.AppUsers.UnlinkChannel(ctx, "u", "twilio")
	}, "DELETE /v1.1/apps/a1/appusers/u/channels/twilio", ""},
	{"AppUsers.BusinessSystems", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.AppUsers.BusinessSystems(ctx, "u")) }, "GET /v1.1/apps/a1/appusers/u/businesssystems", ""},
	{"AppUsers.LinkRequests", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.AppUsers.LinkRequests(ctx, "u", []string{"i1", "i2"}))
	}, "GET /v1.1/apps/a1/appusers/u/linkrequest?integrationIds=i1%2Ci2", ""},
	{"AppUsers.AuthCode", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.AppUsers.AuthCode(ctx, "u")) }, "GET /v1.1/apps/a1/appusers/u/authcode", ""},
	{"AppUsers.PingChannel", V1_1, func(ctx context.Context, c *Client) error { return c.AppUsers.PingChannel(ctx, "u", "twilio") }, "POST /v1.1/apps/a1/appusers/u/integrations/twilio/ping", ""},
	{"AppUsers.TransferRequests", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.AppUsers.TransferRequests(ctx, "u", "messenger"))
	}, "GET /v1/apps/a1/appusers/u/transferrequest?type=messenger", ""},
	{"AppUsers.WeChatQRCode", V1, func(ctx context.Context, c *Client) error { return ignore(c.AppUsers.WeChatQRCode(ctx, "u")) }, "GET /v1/apps/a1/appusers/u/integrations/wechat/qrcode", ""},
	{"AppUsers.ViberQRCode", V1, func(ctx context.Context, c *Client) error { return ignore(c.AppUsers.ViberQRCode(ctx, "u")) }, "GET /v1/apps/a1/appusers/u/integrations/viber/qrcode", ""},
	{"Stripe.UpdateCustomer", V1, func(ctx context.Context, c *Client) error { return c.Stripe.UpdateCustomer(ctx, "u", "tok") }, "POST /v1/apps/a1/appusers/u/stripe/customer", `{"token":"tok"}`},
	{"Stripe.CreateTransaction", V1, func(ctx context.Context, c *Client) error { return c.Stripe.CreateTransaction(ctx, "u", "act", "") }, "POST /v1/apps/a1/appusers/u/stripe/transaction", `{"actionId":"act"}`},
	{"Stripe.Account", V1, func(ctx context.Context, c *Client) error { return ignore(c.Stripe.Account(ctx)) }, "GET /v1/apps/a1/stripe/account", ""},
	{"Conversations.Get", V1, func(ctx context.Context, c *Client) error { return ignore(c.Conversations.Get(ctx, "u")) }, "GET /v1/apps/a1/appusers/u/conversation", ""},
	{"Conversations.PostMessage as user", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.PostMessage(ctx, "u", MessagePost{Role: RoleAppUser, Text: "Just put some vinegar on it"}))
	}, "POST /v1/apps/a1/appusers/u/conversation/messages", `{"text":"Just put some vinegar on it","role":"appUser"}`},
	{"Conversations.PostMessage image", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.PostMessage(ctx, "u", MessagePost{MediaURL: "https://x.test/a.png", MediaType: "image/png"}))
	}, "POST /v1/apps/a1/appusers/u/conversation/messages", `{"role":"appMaker","mediaUrl":"https://x.test/a.png","mediaType":"image/png"}`},
	{"Conversations.PostMessage", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.PostMessage(ctx, "u", MessagePost{Text: "<hi> & bye"}))
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"text","text":"<hi> & bye"}`},
	{"Conversations.PostMessage carousel", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.PostMessage(ctx, "u", CarouselMessage(MessageItem{Title: "Bike", Actions: []Action{PostbackAction("Reserve", "R"), LinkAction("More", "https://x.test"), ShareAction(), BuyAction("Buy", 500, "eur")}})))
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"carousel","items":[{"title":"Bike","actions":[{"type":"postback","text":"Reserve","payload":"R"},{"type":"link","text":"More","uri":"https://x.test"},{"type":"share"},{"type":"buy","text":"Buy","amount":500,"currency":"eur"}]}]}`},
	{"Conversations.PostMessage location", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.PostMessage(ctx, "u", LocationMessage(0, -73.5)))
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"location","coordinates":{"lat":0,"long":-73.5}}`},
	{"Conversations.PostMessage WhatsApp", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.PostMessage(ctx, "u", WhatsAppMessage(json.RawMessage(`{"type":"template"}`))))
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","messageSchema":"whatsapp","message":{"type":"template"}}`},
	{"Conversations.PostMessage override", V1_1, func(ctx context.Context, c *Client) error {
		m := TextMessage("x")
		m.Override = Override{IntegrationTypeLine: {json.RawMessage(`{"messages":[]}`)}}
		m.Destination = &MessageTarget{IntegrationType: IntegrationTypeLine}
		return ignore(c.Conversations.PostMessage(ctx, "u", m))
	}, "POST /v1.1/apps/a1/appusers/u/messages", `{"role":"appMaker","type":"text","text":"x","override":{"line":{"payload":{"messages":[]}}},"destination":{"integrationType":"line"}}`},
	{"Conversations.ListMessages", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.ListMessages(ctx, "u", MessageListOptions{Before: at.Time}))
	}, "GET /v1/apps/a1/appusers/u/messages?before=1471995721.5", ""},
	{"Conversations.ListMessages", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.ListMessages(ctx, "u", MessageListOptions{OldestFirst: true}))
	}, "GET /v1.1/apps/a1/appusers/u/messages?after=0", ""},
	{"Conversations.Messages", V1_1, func(ctx context.Context, c *Client) error {
		return drain(c.Conversations.Messages(ctx, "u", MessageListOptions{Before: at.Time}))
	}, "GET /v1.1/apps/a1/appusers/u/messages?before=1471995721.5", ""},
	{"Conversations.FindSent", V1, func(ctx context.Context, c *Client) error {
		_, err := c.Conversations.FindSent(ctx, "u", "order-7", at.Time)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}, "GET /v1/apps/a1/appusers/u/messages", ""},
	{"Conversations.UploadImage", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.UploadImage(ctx, "u", Upload{Source: strings.NewReader("GIF89a")}, MessagePost{Role: RoleAppUser, Name: "Ida"}))
	}, "POST /v1/apps/a1/appusers/u/conversation/images", "multipart: sourceimage/gif=GIF89a role=appUser name=Ida"},
	{"Conversations.UploadImage", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.UploadImage(ctx, "u", Upload{Source: strings.NewReader("GIF89a")}, MessagePost{}))
	}, "POST /v1.1/apps/a1/appusers/u/images", "multipart: sourceimage/gif=GIF89a role=appMaker"},
	{"Conversations.DeleteMessage", V1_1, func(ctx context.Context, c *Client) error { return c.Conversations.DeleteMessage(ctx, "u", "m") }, "DELETE /v1.1/apps/a1/appusers/u/messages/m", ""},
	{"Conversations.DeleteMessages", V1_1, func(ctx context.Context, c *Client) error { return c.Conversations.DeleteMessages(ctx, "u") }, "DELETE /v1.1/apps/a1/appusers/u/messages", ""},
	{"Conversations.PostActivity", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Conversations.PostActivity(ctx, "u", Activity{Type: ActivityTypeTypingStart}))
	}, "POST /v1.1/apps/a1/appusers/u/conversation/activity", `{"role":"appMaker","type":"typing:start"}`},
	{"Conversations.ResetUnreadCount", V1_1, func(ctx context.Context, c *Client) error { return c.Conversations.ResetUnreadCount(ctx, "u") }, "POST /v1.1/apps/a1/appusers/u/conversation/read", ""},
	{"Conversations.Postback", V1_1, func(ctx context.Context, c *Client) error { return c.Conversations.Postback(ctx, "u", "act") }, "POST /v1.1/apps/a1/appusers/u/conversation/postback", `{"actionId":"act"}`},
	{"Attachments.Upload", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Attachments.Upload(ctx, Upload{Source: strings.NewReader("GIF89a")}, AttachmentOptions{Access: AttachmentAccessPrivate, For: "message", AppUserID: "u", Type: "image/x"}))
	}, "POST /v1.1/apps/a1/attachments?access=private&appUserId=u&for=message", "multipart: sourceimage/gif=GIF89a type=image/x"},
	{"Attachments.Delete", V1_1, func(ctx context.Context, c *Client) error { return c.Attachments.Delete(ctx, "https://m.test/x") }, "POST /v1.1/apps/a1/attachments/remove", `{"mediaUrl":"https://m.test/x"}`},
	{"Attachments.CreateMediaToken", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Attachments.CreateMediaToken(ctx, []string{"/apps/a1"}))
	}, "POST /v1.1/apps/a1/attachments/token", `{"paths":["/apps/a1"]}`},
	{"Attachments.SetCookie", V1_1, func(ctx context.Context, c *Client) error { return c.Attachments.SetCookie(ctx, "tok") }, "GET /v1.1/apps/a1/attachments/cookie", ""},
	{"Notifications.Post", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Notifications.Post(ctx, NotificationPost{Destination: NotificationDestination{"i", "32255"}, Author: NotificationAuthor{Name: "Depot"}, Message: TextMessage("hi")}))
	}, "POST /v1.1/apps/a1/notifications", `{"destination":{"integrationId":"i","destinationId":"32255"},"author":{"role":"appMaker","name":"Depot"},"message":{"type":"text","text":"hi"}}`},
	{"Notifications.Post WhatsApp, spelt out", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Notifications.Post(ctx, NotificationPost{MessageSchema: "whatsapp", Message: MessagePost{Message: json.RawMessage(`{"type":"hsm"}`)}}))
	}, "POST /v1.1/apps/a1/notifications", `{"destination":{"integrationId":"","destinationId":""},"author":{"role":"appMaker"},"messageSchema":"whatsapp","message":{"type":"hsm"}}`},
	{"Notifications.Post with a role", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Notifications.Post(ctx, NotificationPost{Message: MessagePost{Role: RoleAppMaker, Text: "hi"}}))
	}, "POST /v1.1/apps/a1/notifications", `{"destination":{"integrationId":"","destinationId":""},"author":{"role":"appMaker"},"message":{"type":"text","text":"hi"}}`},
	{"Notifications.Post WhatsApp", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Notifications.Post(ctx, NotificationPost{Destination: NotificationDestination{"i", "32255"}, Message: WhatsAppMessage(json.RawMessage(`{"type":"hsm"}`))}))
	}, "POST /v1/apps/a1/notifications", `{"destination":{"integrationId":"i","destinationId":"32255"},"author":{"role":"appMaker"},"messageSchema":"whatsapp","message":{"type":"hsm"}}`},
	{"Menu.Get", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Menu.Get(ctx)) }, "GET /v1.1/apps/a1/menu", ""},
	{"Menu.Update", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Menu.Update(ctx, Menu{})) }, "PUT /v1.1/apps/a1/menu", `{"items":[]}`},
	{"Menu.Delete", V1_1, func(ctx context.Context, c *Client) error { return c.Menu.Delete(ctx) }, "DELETE /v1.1/apps/a1/menu", ""},
	{"Integrations.Create messenger", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.Create(ctx, MessengerCreate{PageAccessToken: "p", AppID: "f", AppSecret: "s"}))
	}, "POST /v1/apps/a1/integrations", `{"type":"messenger","pageAccessToken":"p","appId":"f","appSecret":"s"}`},
	{"Integrations.Create twilio", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.Create(ctx, TwilioCreate{AccountSID: "AC", AuthToken: "t", PhoneNumberSID: "PN", DisplayName: "Depot"}))
	}, "POST /v1.1/apps/a1/integrations", `{"type":"twilio","accountSid":"AC","authToken":"t","phoneNumberSid":"PN","displayName":"Depot"}`},
	{"Integrations.Create telegram", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.Create(ctx, TelegramCreate{Token: "t"}))
	}, "POST /v1/apps/a1/integrations", `{"type":"telegram","token":"t"}`},
	{"Integrations.Create line", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.Create(ctx, LineCreate{ChannelID: "1", ChannelSecret: "s", MID: "u"}))
	}, "POST /v1/apps/a1/integrations", `{"type":"line","channelId":"1","channelSecret":"s","mid":"u"}`},
	{"Integrations.Create ios", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Integrations.Create(ctx, IOSCreate{})) }, "POST /v1.1/apps/a1/integrations", `{"type":"ios"}`},
	{"Integrations.Create custom", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.Create(ctx, CustomIntegration("pigeon", map[string]any{"loft": 7, "type": "hawk"}), WithField("nest", true)))
	}, "POST /v1.1/apps/a1/integrations", `{"type":"pigeon","loft":7,"nest":true}`},
	{"Integrations.List", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.List(ctx, IntegrationListOptions{Types: []IntegrationType{"twilio", "line"}}))
	}, "GET /v1/apps/a1/integrations?types=twilio%2Cline", ""},
	{"Integrations.All", V1_1, func(ctx context.Context, c *Client) error {
		return drain(c.Integrations.All(ctx, IntegrationListOptions{Limit: 7, Offset: 7}))
	}, "GET /v1.1/apps/a1/integrations?limit=7&offset=7", ""},
	{"Integrations.Get", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Integrations.Get(ctx, "i")) }, "GET /v1.1/apps/a1/integrations/i", ""},
	{"Integrations.Update", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.Update(ctx, "i", IntegrationUpdate{BrandColor: new(""), OriginWhitelist: []string{}}, WithField("integrationOrder", nil)))
	}, "PUT /v1.1/apps/a1/integrations/i", `{"brandColor":"","originWhitelist":[],"integrationOrder":null}`},
	{"Integrations.Delete", V1, func(ctx context.Context, c *Client) error { return c.Integrations.Delete(ctx, "i") }, "DELETE /v1/apps/a1/integrations/i", ""},
	{"Integrations.GetMenu", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Integrations.GetMenu(ctx, "i")) }, "GET /v1.1/apps/a1/integrations/i/menu", ""},
	{"Integrations.CreateMenu", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Integrations.CreateMenu(ctx, "i", Menu{})) }, "POST /v1.1/apps/a1/integrations/i/menu", `{"items":[]}`},
	{"Integrations.UpdateMenu", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.UpdateMenu(ctx, "i", Menu{Items: []MenuItem{{Type: MenuItemTypeLink, Text: "A", URI: "https://x.test"}}, Settings: &MenuSettings{InputEnabled: false}}))
	}, "PUT /v1.1/apps/a1/integrations/i/menu", `{"items":[{"type":"link","text":"A","uri":"https://x.test"}],"settings":{"inputEnabled":false}}`},
	{"Integrations.DeleteMenu", V1_1, func(ctx context.Context, c *Client) error { return c.Integrations.DeleteMenu(ctx, "i") }, "DELETE /v1.1/apps/a1/integrations/i/menu", ""},
	{"Integrations.GetProfile", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Integrations.GetProfile(ctx, "i")) }, "GET /v1.1/apps/a1/integrations/i/profile", ""},
	{"Integrations.UpdateProfile", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.UpdateProfile(ctx, "i", ProfileUpdate{About: new("a"), Websites: []string{"https://x.test"}}))
	}, "PUT /v1.1/apps/a1/integrations/i/profile", `{"about":"a","websites":["https://x.test"]}`},
	{"Integrations.UploadProfilePhoto", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.UploadProfilePhoto(ctx, "i", Upload{Source: strings.NewReader("GIF89a")}))
	}, "PUT /v1.1/apps/a1/integrations/i/profile/photo", "multipart: sourceimage/gif=GIF89a"},
	{"Integrations.ListMessageTemplates", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.ListMessageTemplates(ctx, "i", MessageTemplateListOptions{Name: "n", Limit: 2, After: "c"}))
	}, "GET /v1.1/apps/a1/integrations/i/messageTemplates?after=c&limit=2&name=n", ""},
	{"Integrations.CreateMessageTemplate", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Integrations.CreateMessageTemplate(ctx, "i", MessageTemplateCreate{Name: "n", Language: "en_US", Category: "ALERT_UPDATE", Components: json.RawMessage(`[]`)}))
	}, "POST /v1.1/apps/a1/integrations/i/messageTemplates", `{"name":"n","language":"en_US","category":"ALERT_UPDATE","components":[]}`},
	{"Integrations.DeleteMessageTemplate", V1_1, func(ctx context.Context, c *Client) error {
		return c.Integrations.DeleteMessageTemplate(ctx, "i", "n/m")
	}, "DELETE /v1.1/apps/a1/integrations/i/messageTemplates/n%2Fm", ""},
	{"Templates.Create", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Templates.Create(ctx, TemplateCreate{Name: "t", Message: MessagePost{Text: "x"}}))
	}, "POST /v1.1/apps/a1/templates", `{"name":"t","message":{"role":"appMaker","type":"text","text":"x"}}`},
	{"Templates.List", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Templates.List(ctx, TemplateListOptions{Offset: 25}))
	}, "GET /v1.1/apps/a1/templates?offset=25", ""},
	{"Templates.All", V1, func(ctx context.Context, c *Client) error { return drain(c.Templates.All(ctx, TemplateListOptions{})) }, "GET /v1/apps/a1/templates", ""},
	{"Templates.Get", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Templates.Get(ctx, "t")) }, "GET /v1.1/apps/a1/templates/t", ""},
	{"Templates.Update", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Templates.Update(ctx, "t", TemplateUpdate{Name: new("n")}))
	}, "PUT /v1.1/apps/a1/templates/t", `{"name":"n"}`},
	{"Templates.Delete", V1_1, func(ctx context.Context, c *Client) error { return c.Templates.Delete(ctx, "t") }, "DELETE /v1.1/apps/a1/templates/t", ""},
	{"Webhooks.Create", V1, func(ctx context.Context, c *Client) error {
		return ignore(c.Webhooks.Create(ctx, WebhookCreate{Target: "http://example.com/callback"}))
	}, "POST /v1/apps/a1/webhooks", `{"target":"http://example.com/callback"}`},
	{"Webhooks.Create", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Webhooks.Create(ctx, WebhookCreate{Target: "http://example.com/callback", Triggers: []Trigger{TriggerMessageAppUser}, IncludeClient: true}))
	}, "POST /v1.1/apps/a1/webhooks", `{"target":"http://example.com/callback","triggers":["message:appUser"],"includeClient":true}`},
	{"Webhooks.List", V1, func(ctx context.Context, c *Client) error { return ignore(c.Webhooks.List(ctx)) }, "GET /v1/apps/a1/webhooks", ""},
	{"Webhooks.Get", V1, func(ctx context.Context, c *Client) error { return ignore(c.Webhooks.Get(ctx, "w")) }, "GET /v1/apps/a1/webhooks/w", ""},
	{"Webhooks.Update", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Webhooks.Update(ctx, "w", WebhookUpdate{IncludeClient: new(false)}))
	}, "PUT /v1.1/apps/a1/webhooks/w", `{"includeClient":false}`},
	{"Webhooks.Delete", V1, func(ctx context.Context, c *Client) error { return c.Webhooks.Delete(ctx, "w") }, "DELETE /v1/apps/a1/webhooks/w", ""},
	{"Deployments.Create", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Deployments.Create(ctx, DeploymentCreate{Hosting: HostingSelf, BaseURL: "https://w.test", Username: "u", Password: "p"}))
	}, "POST /v1.1/whatsapp/deployments", `{"hosting":"self","baseUrl":"https://w.test","username":"u","password":"p"}`},
	{"Deployments.List", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Deployments.List(ctx)) }, "GET /v1.1/whatsapp/deployments", ""},
	{"Deployments.All", V1_1, func(ctx context.Context, c *Client) error { return drain(c.Deployments.All(ctx)) }, "GET /v1.1/whatsapp/deployments", ""},
	{"Deployments.Get", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Deployments.Get(ctx, "d")) }, "GET /v1.1/whatsapp/deployments/d", ""},
	{"Deployments.Delete", V1_1, func(ctx context.Context, c *Client) error { return c.Deployments.Delete(ctx, "d") }, "DELETE /v1.1/whatsapp/deployments/d", ""},
	{"Deployments.Activate", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.Deployments.Activate(ctx, "d", DeploymentActivate{PhoneNumber: "+1", VerifiedNameCertificate: "c", Method: "sms"}))
	}, "POST /v1.1/whatsapp/deployments/d/activate", `{"phoneNumber":"+1","verifiedNameCertificate":"c","method":"sms"}`},
	{"Deployments.ConfirmCode", V1_1, func(ctx context.Context, c *Client) error { return ignore(c.Deployments.ConfirmCode(ctx, "d", "123")) }, "POST /v1.1/whatsapp/deployments/d/code/confirm", `{"code":"123"}`},
	{"OAuth.AuthorizeURL", V1_1, func(ctx context.Context, c *Client) error {
		address, err := c.OAuth.AuthorizeURL(OAuthAuthorize{ClientID: "id", State: "x&y"})
		if err != nil {
			return err
		}
		return browse(ctx, address)
	}, "GET /oauth/authorize?client_id=id&response_type=code&state=x%26y", ""},
	{"OAuth.Exchange", V1_1, func(ctx context.Context, c *Client) error {
		return ignore(c.OAuth.Exchange(ctx, OAuthExchange{Code: "c d", ClientID: "id", ClientSecret: "s"}))
	}, "POST /oauth/token", "form: client_id=id&client_secret=s&code=c+d&grant_type=authorization_code"},
	{"OAuth.Revoke", V1_1, func(ctx context.Context, c *Client) error { return c.OAuth.Revoke(ctx, "tok") }, "DELETE /oauth/authorization", ""},
}

func TestCallsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, w := range wires {
		t.Run(w.name+" "+string(w.v), func(t *testing.T) {
			t.Parallel()
			rec := newRecorder(t, reply(200, `{}`))
			c := newTestClient(t, rec.URL, AccountJWT("act_1", "s"), WithApp("a1"))
			require.NoError(t, w.call(t.Context(), c.ForVersion(w.v)))
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
		})
	}
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
