package smoochtest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go"
)

func TestLinkChannel(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, app := newServerWithUser(t)
	user, err := app.AppUsers.LinkChannel(ctx, "ida", smooch.ChannelLink{
		Type: smooch.IntegrationTypeTwilio, PhoneNumber: "+1 514-555",
		Confirmation: &smooch.Confirmation{Type: smooch.ConfirmationTypeImmediate},
	})
	require.NoError(t, err)
	require.Len(t, user.Clients, 1)
	channels, err := app.AppUsers.Channels(ctx, "ida")
	require.NoError(t, err)
	assert.Equal(t, "+1514555", channels[0].PhoneNumber)
	require.NoError(t, app.AppUsers.PingChannel(ctx, "ida", "twilio"))
	require.NoError(t, app.AppUsers.UnlinkChannel(ctx, "ida", "twilio"))
	assert.ErrorIs(t, app.AppUsers.UnlinkChannel(ctx, "ida", "twilio"), smooch.ErrBadRequest)
	assert.ErrorIs(t, app.AppUsers.PingChannel(ctx, "ida", "twilio"), smooch.ErrBadRequest)
}

func TestLinkChannelNeedsConfirmationOnV11(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	api := newAPI(t, server)
	const link = `{"type":"twilio","phoneNumber":"+1 514-555"}`
	api.call(400, "POST", "/appusers/ida/channels", link)
	api.onV1().call(200, "POST", "/appusers/ida/channels", link)
}

func TestLinkChannelRefusals(t *testing.T) {
	t.Parallel()
	server, _ := newServerWithUser(t)
	api := newAPI(t, server)
	for _, link := range []string{
		`{}`, `{"type":"twilio"}`, `{"type":"twilio","phoneNumber":"1514555","confirmation":{"type":"immediate"}}`,
		`{"type":"mailgun","phoneNumber":"+1514555","confirmation":{"type":"immediate"}}`,
	} {
		api.call(400, "POST", "/appusers/ida/channels", link)
	}
	user := api.call(200, "POST", "/appusers/ida/channels",
		`{"type":"twilio","phoneNumber":"+1514555","confirmation":{"type":"prompt"}}`)["appUser"]
	assert.Empty(t, at(user, "clients"))
	assert.Len(t, at(user, "pendingClients"), 1)
}

func TestCodesOfAUser(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, app := newServerWithUser(t)
	integrations, err := app.Integrations.List(ctx, smooch.IntegrationListOptions{Types: []smooch.IntegrationType{"web"}})
	require.NoError(t, err)
	requests, err := app.AppUsers.LinkRequests(ctx, "ida", []string{integrations.Items[0].ID})
	require.NoError(t, err)
	require.Len(t, requests, 1)
	assert.NotEmpty(t, requests[0].Code)
	_, err = app.AppUsers.LinkRequests(ctx, "ida", []string{"nope"})
	assert.ErrorIs(t, err, smooch.ErrNotFound)

	api := newAPI(t, server)
	api.call(400, "GET", "/appusers/ida/linkrequest", "")
	assert.NotEmpty(t, api.call(200, "GET", "/appusers/ida/authcode", "")["authCode"])
	assert.NotEmpty(t, api.call(200, "GET", "/appusers/ida/integrations/wechat/qrcode", "")["url"])
	assert.NotEmpty(t, api.call(200, "GET", "/appusers/ida/integrations/viber/qrcode", "")["url"])
	assert.Empty(t, api.call(200, "GET", "/appusers/ida/businesssystems", "")["businessSystems"])
	api.onV1().call(400, "GET", "/appusers/ida/transferrequest", "")
	transfer := api.onV1().call(200, "GET", "/appusers/ida/transferrequest?type=messenger", "")
	assert.Len(t, transfer["transferRequests"], 1)
}

// TestConfirmations links channels in each way that the documents know, and in some that they do
// not.
func TestConfirmations(t *testing.T) {
	t.Parallel()
	const (
		twilio    = `"type":"twilio","phoneNumber":"+1514555"`
		messenger = `"type":"messenger","phoneNumber":"+1514555","givenName":"Ida"`
		mailgun   = `"type":"mailgun","address":"i@d.a"`
		text      = `,"message":{"type":"text","text":"Confirm, please"}`
	)
	st := newStage(t)
	for body, want := range map[string]string{
		twilio + `,"confirmation":"x"`:                                                                                    "confirmation must be an object",
		twilio + `,"confirmation":{}`:                                                                                     "confirmation.type is required",
		twilio + `,"confirmation":{"type":"shout"}`:                                                                       "confirmation.type is not known",
		twilio + `,"confirmation":{"type":"userActivity"}`:                                                                "confirmation.message is required",
		twilio + `,"confirmation":{"type":"userActivity","message":"x"}`:                                                  "confirmation.message must be an object",
		twilio + `,"confirmation":{"type":"immediate","message":{"type":"text"}}`:                                         "confirmation.message.text is required",
		twilio + `,"confirmation":{"type":"immediate","message":{"type":"list"}}`:                                         "confirmation.message.type must be text or image",
		twilio + `,"confirmation":{"type":"immediate","message":{"type":"text","text":"x","actions":[{"type":"share"}]}}`: "confirmation.message.actions[0].type must be link",
		messenger + `,"confirmation":{"type":"immediate"}`:                                                                "confirmation.message is required",
		messenger + `,"confirmation":{"type":"prompt"}`:                                                                   "confirmation.type prompt is for twilio",
		mailgun + `,"confirmation":{"type":"userActivity"` + text + `}`:                                                   "confirmation.type of mailgun must be immediate",
		`"type":"mailgun","confirmation":{"type":"immediate"}`:                                                            "address is required",
		`"type":"twilio","confirmation":{"type":"immediate"}`:                                                             "phoneNumber is required",
	} {
		st.check(st.api, "/appusers/ida/channels", `{`+body+`}`, want)
		st.check(st.onV1(), "/appusers/ida/channels", `{`+body+`}`, want)
	}
	st.check(st.api, "/appusers/ida/channels", `{`+twilio+`,"integrationId":"x","confirmation":{"type":"immediate"}}`, "integrationId is no twilio")
	st.events()
	for body, want := range map[string][]any{
		mailgun + `,"confirmation":{"type":"immediate"}`:                  {"link:success", "client:add"},
		mailgun + `,"confirmation":{"type":"immediate"` + text + `}`:      {"link:match", "link:success", "client:add"},
		twilio + `,"confirmation":{"type":"prompt"}`:                      {"link:match"},
		messenger + `,"confirmation":{"type":"userActivity"` + text + `}`: {"link:match"},
	} {
		st.call(200, "POST", "/appusers/ida/channels", `{`+body+`}`)
		_, v11 := st.events()
		assert.Equal(t, want, triggers(v11), body)
		if strings.HasPrefix(body, messenger) {
			assert.Equal(t, map[string]any{"phoneNumber": "+1514555", "givenName": "Ida"}, v11[0]["criteria"])
		}
	}
	// What asks for confirmation is in no conversation.
	st.call(404, "GET", "/appusers/ida/messages", "")
}

// TestPrimaryOfALink links a second channel, which becomes the one used last unless v1 is told not
// to.
func TestPrimaryOfALink(t *testing.T) {
	t.Parallel()
	for primary, want := range map[string]string{``: "twilio", `,"primary":true`: "twilio", `,"primary":false`: "viber"} {
		st := newStage(t)
		require.NoError(t, st.on("viber").Join())
		st.onV1().call(200, "POST", "/appusers/ida/channels", `{"type":"twilio","phoneNumber":"+1514555"`+primary+`}`)
		st.events()
		st.post(`{"role":"appMaker","type":"text","text":"x"}`)
		_, v11 := st.events()
		assert.Equal(t, want, dig(v11[1], "destination.type"), primary)
	}
}
