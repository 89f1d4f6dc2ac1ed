package smooch

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operations holds the rows in the order of the table.
var operations = []*operation{
	opAppsCreate, opAppsList, opAppsGet, opAppsUpdate, opAppsDelete, opAppsGetSDKIDs,
	opKeysCreate, opKeysList, opKeysGet, opKeysDelete, opKeysGetJWT,
	opServiceAccountsCreate, opServiceAccountsList, opServiceAccountsGet, opServiceAccountsUpdate,
	opServiceAccountsDelete, opServiceAccountsKeysCreate, opServiceAccountsKeysList,
	opServiceAccountsKeysGet, opServiceAccountsKeysDelete, opServiceAccountsKeysGetJWT,
	opInit,
	opAppUsersCreate, opAppUsersGet, opAppUsersUpdate, opAppUsersDelete, opAppUsersDeleteProfile,
	opAppUsersTrackEvent, opAppUsersUpdateDevice, opAppUsersUpdatePushToken, opAppUsersMerge,
	opAppUsersGetChannels, opAppUsersLinkChannel, opAppUsersUnlinkChannel,
	opAppUsersGetBusinessSystems, opAppUsersGetLinkRequests, opAppUsersGetAuthCode,
	opAppUsersPingChannel, opAppUsersGetTransferRequests, opAppUsersGetWeChatQRCode,
	opAppUsersGetViberQRCode, opAppUsersStripeUpdateCustomer, opAppUsersStripeCreateTransaction,
	opStripeGetAccount,
	opConversationGet, opConversationPostMessage, opConversationUploadImage,
	opConversationActivity, opConversationResetUnread, opConversationPostback,
	opMessagesList, opMessagesCreate, opMessagesDeleteAll, opMessagesDelete,
	opMessagesUploadImage,
	opAttachmentsUpload, opAttachmentsRemove, opAttachmentsCreateMediaToken,
	opAttachmentsSetCookie,
	opNotificationsCreate,
	opMenuGet, opMenuUpdate, opMenuDelete,
	opIntegrationsCreate, opIntegrationsList, opIntegrationsGet, opIntegrationsUpdate,
	opIntegrationsDelete, opIntegrationsMenuGet, opIntegrationsMenuCreate,
	opIntegrationsMenuUpdate, opIntegrationsMenuDelete, opIntegrationsProfileGet,
	opIntegrationsProfileUpdate, opIntegrationsProfileUploadPhoto,
	opIntegrationsMessageTemplatesList, opIntegrationsMessageTemplatesCreate,
	opIntegrationsMessageTemplatesDelete,
	opTemplatesCreate, opTemplatesList, opTemplatesGet, opTemplatesUpdate, opTemplatesDelete,
	opWebhooksCreate, opWebhooksList, opWebhooksGet, opWebhooksUpdate, opWebhooksDelete,
	opDeploymentsCreate, opDeploymentsList, opDeploymentsGet, opDeploymentsDelete,
	opDeploymentsActivate, opDeploymentsConfirmCode,
	opOAuthAuthorize, opOAuthToken, opOAuthRevoke,
}

// endpoint is an entry of the endpoint list, testdata/endpoints.json, as far as the operation table
// needs it.
type endpoint struct {
	ID                 string
	Method             string
	Path               string
	AppScoped          bool
	Versions           []Version
	VersionsUnverified []Version
	Source             string
	Auth               struct {
		AppToken bool
		JWT      []string
		Keys     []string
	}
	Always     string
	Instead    string
	Retry      string
	Errors     []int // statuses that the documents list for the call
	Deprecated bool
}

func readEndpoints(t *testing.T) []endpoint {
	t.Helper()
	data, err := os.ReadFile("testdata/endpoints.json")
	require.NoError(t, err)
	var list []endpoint
	require.NoError(t, json.Unmarshal(data, &list))
	return list
}

func TestOperationsAreTheEndpointList(t *testing.T) {
	t.Parallel()
	list := readEndpoints(t)
	require.Len(t, operations, len(list))
	for i, want := range list {
		got := operations[i]
		t.Run(want.ID, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, want.ID, got.name)
			assert.Equal(t, want.Method, got.method)
			assert.Equal(t, want.Path, got.path)
			assert.Equal(t, want.AppScoped, got.inApp)
			assert.ElementsMatch(t, want.Versions, got.versions.list())
			assert.Equal(t, want.Auth.AppToken, slices.Contains(got.accepts.scopes, ScopeAppToken))
			assert.ElementsMatch(t, scopesOf(want.Auth.JWT), withoutAppToken(got.accepts.scopes))
			assert.ElementsMatch(t, keyOwners(want.Auth.Keys), got.accepts.keys)
			assert.Equal(t, want.repeat(), got.repeat)
			assert.Equal(t, want.Always, got.always)
			assert.Equal(t, want.Instead, got.instead)
		})
	}
}

// repeat is the repeat class that follows from what the list says.
func (e endpoint) repeat() repeatClass {
	switch {
	case e.Method == "GET":
		return safe
	case e.ID == "messages.create" || e.ID == "conversation.postMessage":
		return traceable
	case e.Retry != "yes":
		return unsafe
	case e.ID == "appusers.unlinkChannel":
		return unlinking
	case e.ID == "appusers.deleteProfile":
		return idempotent
	case e.Method == "DELETE" || e.ID == "attachments.remove":
		return removing
	}
	return idempotent
}

func scopesOf(words []string) []Scope {
	var scopes []Scope
	for _, word := range words {
		switch word {
		case "appMaker/account":
			scopes = append(scopes, ScopeAppMaker, ScopeAccount)
		case "integration (OAuth access token)":
			scopes = append(scopes, ScopeIntegration)
		default:
			scopes = append(scopes, Scope(word))
		}
	}
	return scopes
}

func withoutAppToken(scopes []Scope) []Scope {
	return slices.DeleteFunc(slices.Clone(scopes), func(s Scope) bool { return s == ScopeAppToken })
}

func keyOwners(words []string) []string {
	owners := slices.Clone(words)
	for i, word := range owners {
		if word == "serviceAccount" {
			owners[i] = "service account"
		}
	}
	return owners
}
