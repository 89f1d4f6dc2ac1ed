package smooch

import (
	"fmt"
	"slices"
	"strings"
)

// An operation is one call of the API: one row of the table at the end of this file. A service
// method names a row and contains nothing else about HTTP. Version checks, retry decisions, hints
// in errors, log records and the tests of the documentation all read the same row.
type operation struct {
	name     string // as in the endpoint list, "apps.create"
	method   string
	path     string // what follows the version and the app's prefix; {x} is a path argument
	inApp    bool   // takes the prefix /apps/{appId}
	versions versionSet
	accepts  *credentials
	repeat   repeatClass
	answer   string // the member of the response that holds the result; "": the whole response
	always   string // a member that every 2xx has; ".": any member; "": the response may be empty
	instead  string // the method that replaces the call in a version that lacks it; "": none
}

// with returns a request of the row. ids are its path arguments, in path order.
func (op *operation) with(ids ...string) *request { return &request{operation: op, ids: ids} }

// String returns the name of the call in errors and logs: the path as it is documented, without
// ids.
func (op *operation) String() string { return op.method + " " + op.path }

// lacking returns the text of the error of a call that version v does not have.
func (op *operation) lacking(v Version) string {
	has := op.versions.list()[0]
	use := fmt.Sprintf("client.ForVersion(%q)", has)
	if op.instead != "" {
		use = op.instead + ", or " + use
	}
	return fmt.Sprintf("exists in %s, not in %s: use %s", has, v, use)
}

// The values of operation.inApp.
const (
	inApp = true
	noApp = false
)

// A versionSet holds the versions that have a call. If it is empty, the path has no version.
type versionSet uint

const (
	v1Only versionSet = 1 << iota
	v11Only
	v1AndV11               = v1Only | v11Only
	unversioned versionSet = 0
)

func (s versionSet) has(v Version) bool {
	return v == V1 && s&v1Only != 0 || v == V1_1 && s&v11Only != 0
}

// list returns the versions, the oldest first.
func (s versionSet) list() []Version {
	return slices.DeleteFunc([]Version{V1, V1_1}, func(v Version) bool { return !s.has(v) })
}

// A repeatClass says what a second attempt does if the outcome of the first is unknown. From
// idempotent on, it changes nothing and the call may be repeated.
type repeatClass int

const (
	unsafe     repeatClass = iota // may do the work twice
	traceable                     // unsafe, but a send token can tell whether the work was done
	idempotent                    // leaves the same state as one attempt
	removing                      // idempotent; 404 on a repeat means that the work was done before
	unlinking                     // as removing, but 400 on a repeat means the same
	safe                          // only reads
)

// doneBefore reports whether the status of a repeat shows that an earlier attempt did the work.
func (c repeatClass) doneBefore(status int) bool {
	return status == 404 && (c == removing || c == unlinking) || status == 400 && c == unlinking
}

// credentials are those that a call accepts.
type credentials struct {
	scopes []Scope  // of a JWT; ScopeAppToken stands for an app token
	keys   []string // who may own the key, for HTTP basic authentication
}

var (
	forProvisioning = &credentials{[]Scope{ScopeAppMaker, ScopeAccount}, []string{"account", "service account"}}
	forAccount      = &credentials{[]Scope{ScopeAppMaker, ScopeAccount}, []string{"account"}}
	forApp          = &credentials{[]Scope{ScopeApp, ScopeAppMaker, ScopeAccount}, anyKey}
	forUserJWT      = &credentials{[]Scope{ScopeAppUser, ScopeApp, ScopeAppMaker, ScopeAccount}, anyKey}
	forUser         = &credentials{[]Scope{ScopeAppToken, ScopeAppUser, ScopeApp, ScopeAppMaker, ScopeAccount}, anyKey}
	forIntegration  = &credentials{[]Scope{ScopeIntegration}, nil}
	forMediaToken   = &credentials{[]Scope{"mediaToken"}, nil}
	forNone         = &credentials{}

	anyKey = []string{"app", "account", "service account"}
)

// hint returns what the call accepts, for the error of a 401 or 403.
func (c *credentials) hint() string {
	var parts []string
	if slices.Contains(c.scopes, ScopeAppToken) {
		parts = append(parts, "an app token (v1)")
	}
	var scopes []string
	for _, s := range c.scopes {
		switch s {
		case ScopeAppToken:
		case ScopeAppUser:
			scopes = append(scopes, "appUser (of that user)")
		default:
			scopes = append(scopes, string(s))
		}
	}
	if len(scopes) > 0 {
		parts = append(parts, "a JWT of scope "+strings.Join(scopes, ", "))
	}
	if len(c.keys) > 0 {
		parts = append(parts, "Basic (v1.1) with a key of: "+strings.Join(c.keys, ", "))
	}
	return "accepts " + strings.Join(parts, "; or ")
}

// The table. The columns are those of operation.
var (
	opAppsCreate    = &operation{"apps.create", "POST", "/apps", noApp, v1AndV11, forProvisioning, unsafe, "app", "app._id", ""}
	opAppsList      = &operation{"apps.list", "GET", "/apps", noApp, v1AndV11, forProvisioning, safe, "apps", "apps", ""}
	opAppsGet       = &operation{"apps.get", "GET", "/apps/{appId}", noApp, v1AndV11, forProvisioning, safe, "app", "app._id", ""}
	opAppsUpdate    = &operation{"apps.update", "PUT", "/apps/{appId}", noApp, v1AndV11, forProvisioning, idempotent, "app", "app._id", ""}
	opAppsDelete    = &operation{"apps.delete", "DELETE", "/apps/{appId}", noApp, v1AndV11, forProvisioning, removing, "", "", ""}
	opAppsGetSDKIDs = &operation{"apps.getSdkIds", "GET", "/sdks", inApp, v11Only, forApp, safe, "", ".", ""}

	opKeysCreate = &operation{"keys.create", "POST", "/apps/{appId}/keys", noApp, v1AndV11, forProvisioning, unsafe, "key", "key._id", ""}
	opKeysList   = &operation{"keys.list", "GET", "/apps/{appId}/keys", noApp, v1AndV11, forProvisioning, safe, "keys", "keys", ""}
	opKeysGet    = &operation{"keys.get", "GET", "/apps/{appId}/keys/{keyId}", noApp, v1AndV11, forProvisioning, safe, "key", "key._id", ""}
	opKeysDelete = &operation{"keys.delete", "DELETE", "/apps/{appId}/keys/{keyId}", noApp, v1AndV11, forProvisioning, removing, "", "", ""}
	opKeysGetJWT = &operation{"keys.getJwt", "GET", "/apps/{appId}/keys/{keyId}/jwt", noApp, v1AndV11, forProvisioning, safe, "jwt", "jwt", ""}

	opServiceAccountsCreate     = &operation{"serviceaccounts.create", "POST", "/serviceaccounts", noApp, v1AndV11, forAccount, unsafe, "serviceAccount", "serviceAccount._id", ""}
	opServiceAccountsList       = &operation{"serviceaccounts.list", "GET", "/serviceaccounts", noApp, v1AndV11, forAccount, safe, "serviceAccounts", "serviceAccounts", ""}
	opServiceAccountsGet        = &operation{"serviceaccounts.get", "GET", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, safe, "serviceAccount", "serviceAccount._id", ""}
	opServiceAccountsUpdate     = &operation{"serviceaccounts.update", "PUT", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, idempotent, "serviceAccount", "serviceAccount._id", ""}
	opServiceAccountsDelete     = &operation{"serviceaccounts.delete", "DELETE", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, removing, "", "", ""}
	opServiceAccountsKeysCreate = &operation{"serviceaccounts.keys.create", "POST", "/serviceaccounts/{serviceAccountId}/keys", noApp, v1AndV11, forAccount, unsafe, "key", "key._id", ""}
	opServiceAccountsKeysList   = &operation{"serviceaccounts.keys.list", "GET", "/serviceaccounts/{serviceAccountId}/keys", noApp, v1AndV11, forAccount, safe, "keys", "keys", ""}
	opServiceAccountsKeysGet    = &operation{"serviceaccounts.keys.get", "GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, v1AndV11, forAccount, safe, "key", "key._id", ""}
	opServiceAccountsKeysDelete = &operation{"serviceaccounts.keys.delete", "DELETE", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, v1AndV11, forAccount, removing, "", "", ""}
	opServiceAccountsKeysGetJWT = &operation{"serviceaccounts.keys.getJwt", "GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}/jwt", noApp, v1AndV11, forAccount, safe, "jwt", "jwt", ""}

	opInit = &operation{"init", "POST", "/init", inApp, v1Only, forUser, idempotent, "", "appUser._id", "AppUsers.Create"}

	opAppUsersCreate                  = &operation{"appusers.create", "POST", "/appusers", inApp, v1AndV11, forApp, unsafe, "appUser", "appUser._id", ""}
	opAppUsersGet                     = &operation{"appusers.get", "GET", "/appusers/{userId}", inApp, v1AndV11, forUser, safe, "appUser", "appUser._id", ""}
	opAppUsersUpdate                  = &operation{"appusers.update", "PUT", "/appusers/{userId}", inApp, v1AndV11, forUser, idempotent, "appUser", "appUser._id", ""}
	opAppUsersDelete                  = &operation{"appusers.delete", "DELETE", "/appusers/{userId}", inApp, v1AndV11, forApp, removing, "", "", ""}
	opAppUsersDeleteProfile           = &operation{"appusers.deleteProfile", "DELETE", "/appusers/{userId}/profile", inApp, v1AndV11, forApp, idempotent, "appUser", "", ""}
	opAppUsersTrackEvent              = &operation{"appusers.trackEvent", "POST", "/appusers/{userId}/events", inApp, v1Only, forUser, unsafe, "", "", ""}
	opAppUsersUpdateDevice            = &operation{"appusers.updateDevice", "PUT", "/appusers/{userId}/devices/{deviceId}", inApp, v1Only, forUser, idempotent, "device", "device.id", ""}
	opAppUsersUpdatePushToken         = &operation{"appusers.updatePushToken", "POST", "/appusers/{userId}/pushToken", inApp, v1Only, forUser, idempotent, "", "", ""}
	opAppUsersMerge                   = &operation{"appusers.merge", "POST", "/appusers/merge", inApp, v11Only, forApp, unsafe, "", "", ""}
	opAppUsersGetChannels             = &operation{"appusers.getChannels", "GET", "/appusers/{userId}/channels", inApp, v1AndV11, forApp, safe, "channels", "channels", ""}
	opAppUsersLinkChannel             = &operation{"appusers.linkChannel", "POST", "/appusers/{userId}/channels", inApp, v1AndV11, forUser, unsafe, "appUser", "appUser._id", ""}
	opAppUsersUnlinkChannel           = &operation{"appusers.unlinkChannel", "DELETE", "/appusers/{userId}/channels/{channel}", inApp, v1AndV11, forUser, unlinking, "", "", ""}
	opAppUsersGetBusinessSystems      = &operation{"appusers.getBusinessSystems", "GET", "/appusers/{userId}/businesssystems", inApp, v1AndV11, forApp, safe, "businessSystems", "businessSystems", ""}
	opAppUsersGetLinkRequests         = &operation{"appusers.getLinkRequests", "GET", "/appusers/{userId}/linkrequest", inApp, v1AndV11, forApp, safe, "linkRequests", "linkRequests", ""}
	opAppUsersGetAuthCode             = &operation{"appusers.getAuthCode", "GET", "/appusers/{userId}/authcode", inApp, v1AndV11, forApp, safe, "authCode", "authCode", ""}
	opAppUsersPingChannel             = &operation{"appusers.pingChannel", "POST", "/appusers/{userId}/integrations/{channel}/ping", inApp, v1AndV11, forUser, unsafe, "", "", ""}
	opAppUsersGetTransferRequests     = &operation{"appusers.getTransferRequests", "GET", "/appusers/{userId}/transferrequest", inApp, v1Only, forUser, safe, "transferRequests", "transferRequests", "AppUsers.LinkRequests"}
	opAppUsersGetWeChatQRCode         = &operation{"appusers.getWeChatQRCode", "GET", "/appusers/{userId}/integrations/wechat/qrcode", inApp, v1AndV11, forUser, safe, "url", "url", ""}
	opAppUsersGetViberQRCode          = &operation{"appusers.getViberQRCode", "GET", "/appusers/{userId}/integrations/viber/qrcode", inApp, v1AndV11, forUser, safe, "url", "url", ""}
	opAppUsersStripeUpdateCustomer    = &operation{"appusers.stripe.updateCustomer", "POST", "/appusers/{userId}/stripe/customer", inApp, v1AndV11, forUserJWT, unsafe, "", "", ""}
	opAppUsersStripeCreateTransaction = &operation{"appusers.stripe.createTransaction", "POST", "/appusers/{userId}/stripe/transaction", inApp, v1AndV11, forUser, unsafe, "", "", ""}

	opStripeGetAccount = &operation{"stripe.getAccount", "GET", "/stripe/account", inApp, v1AndV11, forUser, safe, "account", "account", ""}

	opConversationGet         = &operation{"conversation.get", "GET", "/appusers/{userId}/conversation", inApp, v1AndV11, forUser, safe, "conversation", "conversation._id", ""}
	opConversationPostMessage = &operation{"conversation.postMessage", "POST", "/appusers/{userId}/conversation/messages", inApp, v1Only, forUser, traceable, "", "message._id", ""}
	opConversationUploadImage = &operation{"conversation.uploadImage", "POST", "/appusers/{userId}/conversation/images", inApp, v1Only, forUser, unsafe, "", "message._id", ""}
	opConversationActivity    = &operation{"conversation.activity", "POST", "/appusers/{userId}/conversation/activity", inApp, v1AndV11, forApp, idempotent, "conversation", "", ""}
	opConversationResetUnread = &operation{"conversation.resetUnread", "POST", "/appusers/{userId}/conversation/read", inApp, v1AndV11, forUser, idempotent, "", "", ""}
	opConversationPostback    = &operation{"conversation.postback", "POST", "/appusers/{userId}/conversation/postback", inApp, v1AndV11, forUser, unsafe, "", "", ""}

	opMessagesList        = &operation{"messages.list", "GET", "/appusers/{userId}/messages", inApp, v1AndV11, forUser, safe, "", "messages", ""}
	opMessagesCreate      = &operation{"messages.create", "POST", "/appusers/{userId}/messages", inApp, v1AndV11, forUser, traceable, "", "message._id", ""}
	opMessagesDeleteAll   = &operation{"messages.deleteAll", "DELETE", "/appusers/{userId}/messages", inApp, v1AndV11, forApp, removing, "", "", ""}
	opMessagesDelete      = &operation{"messages.delete", "DELETE", "/appusers/{userId}/messages/{messageId}", inApp, v1AndV11, forApp, removing, "", "", ""}
	opMessagesUploadImage = &operation{"messages.uploadImage", "POST", "/appusers/{userId}/images", inApp, v1AndV11, forUser, unsafe, "", "message._id", ""}

	opAttachmentsUpload           = &operation{"attachments.upload", "POST", "/attachments", inApp, v1AndV11, forApp, unsafe, "", "mediaUrl", ""}
	opAttachmentsRemove           = &operation{"attachments.remove", "POST", "/attachments/remove", inApp, v1AndV11, forApp, removing, "", "", ""}
	opAttachmentsCreateMediaToken = &operation{"attachments.createMediaToken", "POST", "/attachments/token", inApp, v11Only, forApp, idempotent, "tokens", "tokens", ""}
	opAttachmentsSetCookie        = &operation{"attachments.setCookie", "GET", "/attachments/cookie", inApp, v11Only, forMediaToken, safe, "", "", ""}

	opNotificationsCreate = &operation{"notifications.create", "POST", "/notifications", inApp, v1AndV11, forApp, unsafe, "notification", "notification._id", ""}

	opMenuGet    = &operation{"menu.get", "GET", "/menu", inApp, v1AndV11, forApp, safe, "menu", "", ""}
	opMenuUpdate = &operation{"menu.update", "PUT", "/menu", inApp, v1AndV11, forApp, idempotent, "menu", "", ""}
	opMenuDelete = &operation{"menu.delete", "DELETE", "/menu", inApp, v1AndV11, forApp, removing, "", "", ""}

	opIntegrationsCreate                 = &operation{"integrations.create", "POST", "/integrations", inApp, v1AndV11, forApp, unsafe, "integration", "integration._id", ""}
	opIntegrationsList                   = &operation{"integrations.list", "GET", "/integrations", inApp, v1AndV11, forApp, safe, "integrations", "integrations", ""}
	opIntegrationsGet                    = &operation{"integrations.get", "GET", "/integrations/{integrationId}", inApp, v1AndV11, forApp, safe, "integration", "integration._id", ""}
	opIntegrationsUpdate                 = &operation{"integrations.update", "PUT", "/integrations/{integrationId}", inApp, v1AndV11, forApp, idempotent, "integration", "integration._id", ""}
	opIntegrationsDelete                 = &operation{"integrations.delete", "DELETE", "/integrations/{integrationId}", inApp, v1AndV11, forApp, removing, "", "", ""}
	opIntegrationsMenuGet                = &operation{"integrations.menu.get", "GET", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, safe, "menu", "", ""}
	opIntegrationsMenuCreate             = &operation{"integrations.menu.create", "POST", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, unsafe, "menu", "", ""}
	opIntegrationsMenuUpdate             = &operation{"integrations.menu.update", "PUT", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, idempotent, "menu", "", ""}
	opIntegrationsMenuDelete             = &operation{"integrations.menu.delete", "DELETE", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, removing, "", "", ""}
	opIntegrationsProfileGet             = &operation{"integrations.profile.get", "GET", "/integrations/{integrationId}/profile", inApp, v11Only, forApp, safe, "profile", "", ""}
	opIntegrationsProfileUpdate          = &operation{"integrations.profile.update", "PUT", "/integrations/{integrationId}/profile", inApp, v1AndV11, forApp, idempotent, "profile", "", ""}
	opIntegrationsProfileUploadPhoto     = &operation{"integrations.profile.uploadPhoto", "PUT", "/integrations/{integrationId}/profile/photo", inApp, v11Only, forApp, idempotent, "", "", ""}
	opIntegrationsMessageTemplatesList   = &operation{"integrations.messageTemplates.list", "GET", "/integrations/{integrationId}/messageTemplates", inApp, v11Only, forApp, safe, "messageTemplates", "messageTemplates", ""}
	opIntegrationsMessageTemplatesCreate = &operation{"integrations.messageTemplates.create", "POST", "/integrations/{integrationId}/messageTemplates", inApp, v11Only, forApp, unsafe, "messageTemplate", "messageTemplate.id", ""}
	opIntegrationsMessageTemplatesDelete = &operation{"integrations.messageTemplates.delete", "DELETE", "/integrations/{integrationId}/messageTemplates/{name}", inApp, v11Only, forApp, removing, "", "", ""}

	opTemplatesCreate = &operation{"templates.create", "POST", "/templates", inApp, v1AndV11, forApp, unsafe, "template", "template._id", ""}
	opTemplatesList   = &operation{"templates.list", "GET", "/templates", inApp, v1AndV11, forApp, safe, "templates", "templates", ""}
	opTemplatesGet    = &operation{"templates.get", "GET", "/templates/{templateId}", inApp, v1AndV11, forApp, safe, "template", "template._id", ""}
	opTemplatesUpdate = &operation{"templates.update", "PUT", "/templates/{templateId}", inApp, v1AndV11, forApp, idempotent, "template", "template._id", ""}
	opTemplatesDelete = &operation{"templates.delete", "DELETE", "/templates/{templateId}", inApp, v1AndV11, forApp, removing, "", "", ""}

	opWebhooksCreate = &operation{"webhooks.create", "POST", "/webhooks", inApp, v1AndV11, forApp, unsafe, "webhook", "webhook._id", ""}
	opWebhooksList   = &operation{"webhooks.list", "GET", "/webhooks", inApp, v1AndV11, forApp, safe, "webhooks", "webhooks", ""}
	opWebhooksGet    = &operation{"webhooks.get", "GET", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, safe, "webhook", "webhook._id", ""}
	opWebhooksUpdate = &operation{"webhooks.update", "PUT", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, idempotent, "webhook", "webhook._id", ""}
	opWebhooksDelete = &operation{"webhooks.delete", "DELETE", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, removing, "", "", ""}

	opDeploymentsCreate      = &operation{"deployments.create", "POST", "/whatsapp/deployments", noApp, v11Only, forAccount, unsafe, "deployment", "deployment._id", ""}
	opDeploymentsList        = &operation{"deployments.list", "GET", "/whatsapp/deployments", noApp, v11Only, forAccount, safe, "deployments", "deployments", ""}
	opDeploymentsGet         = &operation{"deployments.get", "GET", "/whatsapp/deployments/{deploymentId}", noApp, v11Only, forAccount, safe, "deployment", "deployment._id", ""}
	opDeploymentsDelete      = &operation{"deployments.delete", "DELETE", "/whatsapp/deployments/{deploymentId}", noApp, v11Only, forAccount, removing, "", "", ""}
	opDeploymentsActivate    = &operation{"deployments.activate", "POST", "/whatsapp/deployments/{deploymentId}/activate", noApp, v11Only, forAccount, unsafe, "deployment", "deployment._id", ""}
	opDeploymentsConfirmCode = &operation{"deployments.confirmCode", "POST", "/whatsapp/deployments/{deploymentId}/code/confirm", noApp, v11Only, forAccount, unsafe, "deployment", "deployment._id", ""}

	opOAuthAuthorize = &operation{"oauth.authorize", "GET", "/oauth/authorize", noApp, unversioned, forNone, safe, "", "", ""}
	opOAuthToken     = &operation{"oauth.token", "POST", "/oauth/token", noApp, unversioned, forNone, unsafe, "", "access_token", ""}
	opOAuthRevoke    = &operation{"oauth.revoke", "DELETE", "/oauth/authorization", noApp, unversioned, forIntegration, removing, "", "", ""}
)
