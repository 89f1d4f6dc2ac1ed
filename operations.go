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

// operations holds the rows in the order of the table.
var operations []*operation

// row appends an operation to operations.
func row(op operation) *operation {
	operations = append(operations, &op)
	return &op
}

// with returns a request of the row. ids are its path arguments, in path order.
func (op *operation) with(ids ...string) *request { return &request{operation: op, ids: ids} }

// String returns the name of the call in errors and logs: the path as it is documented, without
// ids.
func (op *operation) String() string { return op.method + " " + op.path }

// lacking returns the text of the error of a call that version v does not have.
func (op *operation) lacking(v Version) string {
	use := fmt.Sprintf("client.ForVersion(%q)", op.versions[0])
	if op.instead != "" {
		use = op.instead + ", or " + use
	}
	return fmt.Sprintf("exists in %s, not in %s: use %s", op.versions[0], v, use)
}

// The values of operation.inApp.
const (
	inApp = true
	noApp = false
)

// A versionSet holds the versions that have a call. If it is empty, the path has no version.
type versionSet []Version

var (
	v1Only      = versionSet{V1}
	v11Only     = versionSet{V1_1}
	v1AndV11    = versionSet{V1, V1_1}
	unversioned = versionSet{}
)

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
		if s != ScopeAppToken {
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
	opAppsCreate    = row(operation{"apps.create", "POST", "/apps", noApp, v1AndV11, forProvisioning, unsafe, "app", "app._id", ""})
	opAppsList      = row(operation{"apps.list", "GET", "/apps", noApp, v1AndV11, forProvisioning, safe, "apps", "apps", ""})
	opAppsGet       = row(operation{"apps.get", "GET", "/apps/{appId}", noApp, v1AndV11, forProvisioning, safe, "app", "app._id", ""})
	opAppsUpdate    = row(operation{"apps.update", "PUT", "/apps/{appId}", noApp, v1AndV11, forProvisioning, idempotent, "app", "app._id", ""})
	opAppsDelete    = row(operation{"apps.delete", "DELETE", "/apps/{appId}", noApp, v1AndV11, forProvisioning, removing, "", "", ""})
	opAppsGetSDKIDs = row(operation{"apps.getSdkIds", "GET", "/sdks", inApp, v11Only, forApp, safe, "", ".", ""})

	opKeysCreate = row(operation{"keys.create", "POST", "/apps/{appId}/keys", noApp, v1AndV11, forProvisioning, unsafe, "key", "key._id", ""})
	opKeysList   = row(operation{"keys.list", "GET", "/apps/{appId}/keys", noApp, v1AndV11, forProvisioning, safe, "keys", "keys", ""})
	opKeysGet    = row(operation{"keys.get", "GET", "/apps/{appId}/keys/{keyId}", noApp, v1AndV11, forProvisioning, safe, "key", "key._id", ""})
	opKeysDelete = row(operation{"keys.delete", "DELETE", "/apps/{appId}/keys/{keyId}", noApp, v1AndV11, forProvisioning, removing, "", "", ""})
	opKeysGetJWT = row(operation{"keys.getJwt", "GET", "/apps/{appId}/keys/{keyId}/jwt", noApp, v1AndV11, forProvisioning, safe, "jwt", "jwt", ""})

	opServiceAccountsCreate     = row(operation{"serviceaccounts.create", "POST", "/serviceaccounts", noApp, v1AndV11, forAccount, unsafe, "serviceAccount", "serviceAccount._id", ""})
	opServiceAccountsList       = row(operation{"serviceaccounts.list", "GET", "/serviceaccounts", noApp, v1AndV11, forAccount, safe, "serviceAccounts", "serviceAccounts", ""})
	opServiceAccountsGet        = row(operation{"serviceaccounts.get", "GET", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, safe, "serviceAccount", "serviceAccount._id", ""})
	opServiceAccountsUpdate     = row(operation{"serviceaccounts.update", "PUT", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, idempotent, "serviceAccount", "serviceAccount._id", ""})
	opServiceAccountsDelete     = row(operation{"serviceaccounts.delete", "DELETE", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, removing, "", "", ""})
	opServiceAccountsKeysCreate = row(operation{"serviceaccounts.keys.create", "POST", "/serviceaccounts/{serviceAccountId}/keys", noApp, v1AndV11, forAccount, unsafe, "key", "key._id", ""})
	opServiceAccountsKeysList   = row(operation{"serviceaccounts.keys.list", "GET", "/serviceaccounts/{serviceAccountId}/keys", noApp, v1AndV11, forAccount, safe, "keys", "keys", ""})
	opServiceAccountsKeysGet    = row(operation{"serviceaccounts.keys.get", "GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, v1AndV11, forAccount, safe, "key", "key._id", ""})
	opServiceAccountsKeysDelete = row(operation{"serviceaccounts.keys.delete", "DELETE", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, v1AndV11, forAccount, removing, "", "", ""})
	opServiceAccountsKeysGetJWT = row(operation{"serviceaccounts.keys.getJwt", "GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}/jwt", noApp, v1AndV11, forAccount, safe, "jwt", "jwt", ""})

	opInit = row(operation{"init", "POST", "/init", inApp, v1Only, forUser, idempotent, "", "appUser._id", "AppUsers.Create"})

	opAppUsersCreate                  = row(operation{"appusers.create", "POST", "/appusers", inApp, v1AndV11, forApp, unsafe, "appUser", "appUser._id", ""})
	opAppUsersGet                     = row(operation{"appusers.get", "GET", "/appusers/{userId}", inApp, v1AndV11, forUser, safe, "appUser", "appUser._id", ""})
	opAppUsersUpdate                  = row(operation{"appusers.update", "PUT", "/appusers/{userId}", inApp, v1AndV11, forUser, idempotent, "appUser", "appUser._id", ""})
	opAppUsersDelete                  = row(operation{"appusers.delete", "DELETE", "/appusers/{userId}", inApp, v1AndV11, forApp, removing, "", "", ""})
	opAppUsersDeleteProfile           = row(operation{"appusers.deleteProfile", "DELETE", "/appusers/{userId}/profile", inApp, v1AndV11, forApp, idempotent, "appUser", "", ""})
	opAppUsersTrackEvent              = row(operation{"appusers.trackEvent", "POST", "/appusers/{userId}/events", inApp, v1Only, forUser, unsafe, "", "", ""})
	opAppUsersUpdateDevice            = row(operation{"appusers.updateDevice", "PUT", "/appusers/{userId}/devices/{deviceId}", inApp, v1Only, forUser, idempotent, "device", "device.id", ""})
	opAppUsersUpdatePushToken         = row(operation{"appusers.updatePushToken", "POST", "/appusers/{userId}/pushToken", inApp, v1Only, forUser, idempotent, "", "", ""})
	opAppUsersMerge                   = row(operation{"appusers.merge", "POST", "/appusers/merge", inApp, v11Only, forApp, unsafe, "", "", ""})
	opAppUsersGetChannels             = row(operation{"appusers.getChannels", "GET", "/appusers/{userId}/channels", inApp, v1AndV11, forApp, safe, "channels", "channels", ""})
	opAppUsersLinkChannel             = row(operation{"appusers.linkChannel", "POST", "/appusers/{userId}/channels", inApp, v1AndV11, forUser, unsafe, "appUser", "appUser._id", ""})
	opAppUsersUnlinkChannel           = row(operation{"appusers.unlinkChannel", "DELETE", "/appusers/{userId}/channels/{channel}", inApp, v1AndV11, forUser, unlinking, "", "", ""})
	opAppUsersGetBusinessSystems      = row(operation{"appusers.getBusinessSystems", "GET", "/appusers/{userId}/businesssystems", inApp, v1AndV11, forApp, safe, "businessSystems", "businessSystems", ""})
	opAppUsersGetLinkRequests         = row(operation{"appusers.getLinkRequests", "GET", "/appusers/{userId}/linkrequest", inApp, v1AndV11, forApp, safe, "linkRequests", "linkRequests", ""})
	opAppUsersGetAuthCode             = row(operation{"appusers.getAuthCode", "GET", "/appusers/{userId}/authcode", inApp, v1AndV11, forApp, safe, "authCode", "authCode", ""})
	opAppUsersPingChannel             = row(operation{"appusers.pingChannel", "POST", "/appusers/{userId}/integrations/{channel}/ping", inApp, v1AndV11, forUser, unsafe, "", "", ""})
	opAppUsersGetTransferRequests     = row(operation{"appusers.getTransferRequests", "GET", "/appusers/{userId}/transferrequest", inApp, v1Only, forUser, safe, "transferRequests", "transferRequests", "AppUsers.LinkRequests"})
	opAppUsersGetWeChatQRCode         = row(operation{"appusers.getWeChatQRCode", "GET", "/appusers/{userId}/integrations/wechat/qrcode", inApp, v1AndV11, forUser, safe, "url", "url", ""})
	opAppUsersGetViberQRCode          = row(operation{"appusers.getViberQRCode", "GET", "/appusers/{userId}/integrations/viber/qrcode", inApp, v1AndV11, forUser, safe, "url", "url", ""})
	opAppUsersStripeUpdateCustomer    = row(operation{"appusers.stripe.updateCustomer", "POST", "/appusers/{userId}/stripe/customer", inApp, v1AndV11, forUserJWT, unsafe, "", "", ""})
	opAppUsersStripeCreateTransaction = row(operation{"appusers.stripe.createTransaction", "POST", "/appusers/{userId}/stripe/transaction", inApp, v1AndV11, forUser, unsafe, "", "", ""})

	opStripeGetAccount = row(operation{"stripe.getAccount", "GET", "/stripe/account", inApp, v1AndV11, forUser, safe, "account", "account", ""})

	opConversationGet         = row(operation{"conversation.get", "GET", "/appusers/{userId}/conversation", inApp, v1AndV11, forUser, safe, "conversation", "conversation._id", ""})
	opConversationPostMessage = row(operation{"conversation.postMessage", "POST", "/appusers/{userId}/conversation/messages", inApp, v1Only, forUser, traceable, "", "message._id", ""})
	opConversationUploadImage = row(operation{"conversation.uploadImage", "POST", "/appusers/{userId}/conversation/images", inApp, v1Only, forUser, unsafe, "", "message._id", ""})
	opConversationActivity    = row(operation{"conversation.activity", "POST", "/appusers/{userId}/conversation/activity", inApp, v1AndV11, forApp, idempotent, "conversation", "", ""})
	opConversationResetUnread = row(operation{"conversation.resetUnread", "POST", "/appusers/{userId}/conversation/read", inApp, v1AndV11, forUser, idempotent, "", "", ""})
	opConversationPostback    = row(operation{"conversation.postback", "POST", "/appusers/{userId}/conversation/postback", inApp, v1AndV11, forUser, unsafe, "", "", ""})

	opMessagesList        = row(operation{"messages.list", "GET", "/appusers/{userId}/messages", inApp, v1AndV11, forUser, safe, "", "messages", ""})
	opMessagesCreate      = row(operation{"messages.create", "POST", "/appusers/{userId}/messages", inApp, v1AndV11, forUser, traceable, "", "message._id", ""})
	opMessagesDeleteAll   = row(operation{"messages.deleteAll", "DELETE", "/appusers/{userId}/messages", inApp, v1AndV11, forApp, removing, "", "", ""})
	opMessagesDelete      = row(operation{"messages.delete", "DELETE", "/appusers/{userId}/messages/{messageId}", inApp, v1AndV11, forApp, removing, "", "", ""})
	opMessagesUploadImage = row(operation{"messages.uploadImage", "POST", "/appusers/{userId}/images", inApp, v1AndV11, forUser, unsafe, "", "message._id", ""})

	opAttachmentsUpload           = row(operation{"attachments.upload", "POST", "/attachments", inApp, v1AndV11, forApp, unsafe, "", "mediaUrl", ""})
	opAttachmentsRemove           = row(operation{"attachments.remove", "POST", "/attachments/remove", inApp, v1AndV11, forApp, removing, "", "", ""})
	opAttachmentsCreateMediaToken = row(operation{"attachments.createMediaToken", "POST", "/attachments/token", inApp, v11Only, forApp, idempotent, "tokens", "tokens", ""})
	opAttachmentsSetCookie        = row(operation{"attachments.setCookie", "GET", "/attachments/cookie", inApp, v11Only, forMediaToken, safe, "", "", ""})

	opNotificationsCreate = row(operation{"notifications.create", "POST", "/notifications", inApp, v1AndV11, forApp, unsafe, "notification", "notification._id", ""})

	opMenuGet    = row(operation{"menu.get", "GET", "/menu", inApp, v1AndV11, forApp, safe, "menu", "", ""})
	opMenuUpdate = row(operation{"menu.update", "PUT", "/menu", inApp, v1AndV11, forApp, idempotent, "menu", "", ""})
	opMenuDelete = row(operation{"menu.delete", "DELETE", "/menu", inApp, v1AndV11, forApp, removing, "", "", ""})

	opIntegrationsCreate                 = row(operation{"integrations.create", "POST", "/integrations", inApp, v1AndV11, forApp, unsafe, "integration", "integration._id", ""})
	opIntegrationsList                   = row(operation{"integrations.list", "GET", "/integrations", inApp, v1AndV11, forApp, safe, "integrations", "integrations", ""})
	opIntegrationsGet                    = row(operation{"integrations.get", "GET", "/integrations/{integrationId}", inApp, v1AndV11, forApp, safe, "integration", "integration._id", ""})
	opIntegrationsUpdate                 = row(operation{"integrations.update", "PUT", "/integrations/{integrationId}", inApp, v1AndV11, forApp, idempotent, "integration", "integration._id", ""})
	opIntegrationsDelete                 = row(operation{"integrations.delete", "DELETE", "/integrations/{integrationId}", inApp, v1AndV11, forApp, removing, "", "", ""})
	opIntegrationsMenuGet                = row(operation{"integrations.menu.get", "GET", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, safe, "menu", "", ""})
	opIntegrationsMenuCreate             = row(operation{"integrations.menu.create", "POST", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, unsafe, "menu", "", ""})
	opIntegrationsMenuUpdate             = row(operation{"integrations.menu.update", "PUT", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, idempotent, "menu", "", ""})
	opIntegrationsMenuDelete             = row(operation{"integrations.menu.delete", "DELETE", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, removing, "", "", ""})
	opIntegrationsProfileGet             = row(operation{"integrations.profile.get", "GET", "/integrations/{integrationId}/profile", inApp, v11Only, forApp, safe, "profile", "", ""})
	opIntegrationsProfileUpdate          = row(operation{"integrations.profile.update", "PUT", "/integrations/{integrationId}/profile", inApp, v1AndV11, forApp, idempotent, "profile", "", ""})
	opIntegrationsProfileUploadPhoto     = row(operation{"integrations.profile.uploadPhoto", "PUT", "/integrations/{integrationId}/profile/photo", inApp, v11Only, forApp, idempotent, "", "", ""})
	opIntegrationsMessageTemplatesList   = row(operation{"integrations.messageTemplates.list", "GET", "/integrations/{integrationId}/messageTemplates", inApp, v11Only, forApp, safe, "messageTemplates", "messageTemplates", ""})
	opIntegrationsMessageTemplatesCreate = row(operation{"integrations.messageTemplates.create", "POST", "/integrations/{integrationId}/messageTemplates", inApp, v11Only, forApp, unsafe, "messageTemplate", "messageTemplate.id", ""})
	opIntegrationsMessageTemplatesDelete = row(operation{"integrations.messageTemplates.delete", "DELETE", "/integrations/{integrationId}/messageTemplates/{name}", inApp, v11Only, forApp, removing, "", "", ""})

	opTemplatesCreate = row(operation{"templates.create", "POST", "/templates", inApp, v1AndV11, forApp, unsafe, "template", "template._id", ""})
	opTemplatesList   = row(operation{"templates.list", "GET", "/templates", inApp, v1AndV11, forApp, safe, "templates", "templates", ""})
	opTemplatesGet    = row(operation{"templates.get", "GET", "/templates/{templateId}", inApp, v1AndV11, forApp, safe, "template", "template._id", ""})
	opTemplatesUpdate = row(operation{"templates.update", "PUT", "/templates/{templateId}", inApp, v1AndV11, forApp, idempotent, "template", "template._id", ""})
	opTemplatesDelete = row(operation{"templates.delete", "DELETE", "/templates/{templateId}", inApp, v1AndV11, forApp, removing, "", "", ""})

	opWebhooksCreate = row(operation{"webhooks.create", "POST", "/webhooks", inApp, v1AndV11, forApp, unsafe, "webhook", "webhook._id", ""})
	opWebhooksList   = row(operation{"webhooks.list", "GET", "/webhooks", inApp, v1AndV11, forApp, safe, "webhooks", "webhooks", ""})
	opWebhooksGet    = row(operation{"webhooks.get", "GET", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, safe, "webhook", "webhook._id", ""})
	opWebhooksUpdate = row(operation{"webhooks.update", "PUT", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, idempotent, "webhook", "webhook._id", ""})
	opWebhooksDelete = row(operation{"webhooks.delete", "DELETE", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, removing, "", "", ""})

	opDeploymentsCreate      = row(operation{"deployments.create", "POST", "/whatsapp/deployments", noApp, v11Only, forAccount, unsafe, "deployment", "deployment._id", ""})
	opDeploymentsList        = row(operation{"deployments.list", "GET", "/whatsapp/deployments", noApp, v11Only, forAccount, safe, "deployments", "deployments", ""})
	opDeploymentsGet         = row(operation{"deployments.get", "GET", "/whatsapp/deployments/{deploymentId}", noApp, v11Only, forAccount, safe, "deployment", "deployment._id", ""})
	opDeploymentsDelete      = row(operation{"deployments.delete", "DELETE", "/whatsapp/deployments/{deploymentId}", noApp, v11Only, forAccount, removing, "", "", ""})
	opDeploymentsActivate    = row(operation{"deployments.activate", "POST", "/whatsapp/deployments/{deploymentId}/activate", noApp, v11Only, forAccount, unsafe, "deployment", "deployment._id", ""})
	opDeploymentsConfirmCode = row(operation{"deployments.confirmCode", "POST", "/whatsapp/deployments/{deploymentId}/code/confirm", noApp, v11Only, forAccount, unsafe, "deployment", "deployment._id", ""})

	opOAuthAuthorize = row(operation{"oauth.authorize", "GET", "/oauth/authorize", noApp, unversioned, forNone, safe, "", "", ""})
	opOAuthToken     = row(operation{"oauth.token", "POST", "/oauth/token", noApp, unversioned, forNone, unsafe, "", "access_token", ""})
	opOAuthRevoke    = row(operation{"oauth.revoke", "DELETE", "/oauth/authorization", noApp, unversioned, forIntegration, removing, "", "", ""})
)
