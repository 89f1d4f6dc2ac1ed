package smooch

import (
	"slices"
	"strings"
)

// An operation is one call of the API: one row of the table at the end of this
// file. Methods name a row and nothing else about HTTP; version gates, retry
// decisions, error hints, log records and the coverage tests read the same row.
type operation struct {
	name     string // as in the endpoint list, "apps.create"
	method   string
	path     string // what follows version and app prefix; {x} are path arguments
	inApp    bool   // takes the prefix /apps/{appId}
	versions versionSet
	accepts  *credentials
	repeat   repeatClass
}

// String is how errors and logs name the call: the path as the documentation writes it, no ids.
func (op *operation) String() string { return op.method + " " + op.path }

const (
	inApp = true
	noApp = false
)

// A versionSet holds the versions that have a call. An unversioned call has no version in its path.
type versionSet []Version

var (
	v1Only      = versionSet{V1}
	v11Only     = versionSet{V1_1}
	v1AndV11    = versionSet{V1, V1_1}
	unversioned = versionSet{}
)

// A repeatClass says what a second try of a call may do after the outcome of the first is unknown.
type repeatClass int

const (
	unsafe     repeatClass = iota // may do the work twice
	idempotent                    // the same state as after one try
	removing                      // idempotent, and 404 on a repeat means that it is done
	unlinking                     // idempotent, and 404 or 400 on a repeat means that it is done
	safe                          // reads only
)

// doneBefore reports whether a repeat that got status shows that an earlier try did the work.
func (c repeatClass) doneBefore(status int) bool {
	return status == 404 && (c == removing || c == unlinking) || status == 400 && c == unlinking
}

// credentials are what a call accepts: the scopes of a JWT (and "appToken"), and the owners of a key for Basic.
type credentials struct {
	scopes []Scope
	keys   []string
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

// hint names what the call accepts, for a caller who got 401 or 403.
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

// An operationID names one row of [operations].
type operationID int

const (
	opAppsCreate operationID = iota
	opAppsList
	opAppsGet
	opAppsUpdate
	opAppsDelete
	opAppsGetSDKIDs
	opKeysCreate
	opKeysList
	opKeysGet
	opKeysDelete
	opKeysGetJWT
	opServiceAccountsCreate
	opServiceAccountsList
	opServiceAccountsGet
	opServiceAccountsUpdate
	opServiceAccountsDelete
	opServiceAccountsKeysCreate
	opServiceAccountsKeysList
	opServiceAccountsKeysGet
	opServiceAccountsKeysDelete
	opServiceAccountsKeysGetJWT
	opInit
	opAppUsersCreate
	opAppUsersGet
	opAppUsersUpdate
	opAppUsersDelete
	opAppUsersDeleteProfile
	opAppUsersTrackEvent
	opAppUsersUpdateDevice
	opAppUsersUpdatePushToken
	opAppUsersMerge
	opAppUsersGetChannels
	opAppUsersLinkChannel
	opAppUsersUnlinkChannel
	opAppUsersGetBusinessSystems
	opAppUsersGetLinkRequests
	opAppUsersGetAuthCode
	opAppUsersPingChannel
	opAppUsersGetTransferRequests
	opAppUsersGetWeChatQRCode
	opAppUsersGetViberQRCode
	opAppUsersStripeUpdateCustomer
	opAppUsersStripeCreateTransaction
	opStripeGetAccount
	opConversationGet
	opConversationPostMessage
	opConversationUploadImage
	opConversationActivity
	opConversationResetUnread
	opConversationPostback
	opMessagesList
	opMessagesCreate
	opMessagesDeleteAll
	opMessagesDelete
	opMessagesUploadImage
	opAttachmentsUpload
	opAttachmentsRemove
	opAttachmentsCreateMediaToken
	opAttachmentsSetCookie
	opNotificationsCreate
	opMenuGet
	opMenuUpdate
	opMenuDelete
	opIntegrationsCreate
	opIntegrationsList
	opIntegrationsGet
	opIntegrationsUpdate
	opIntegrationsDelete
	opIntegrationsMenuGet
	opIntegrationsMenuCreate
	opIntegrationsMenuUpdate
	opIntegrationsMenuDelete
	opIntegrationsProfileGet
	opIntegrationsProfileUpdate
	opIntegrationsProfileUploadPhoto
	opIntegrationsMessageTemplatesList
	opIntegrationsMessageTemplatesCreate
	opIntegrationsMessageTemplatesDelete
	opTemplatesCreate
	opTemplatesList
	opTemplatesGet
	opTemplatesUpdate
	opTemplatesDelete
	opWebhooksCreate
	opWebhooksList
	opWebhooksGet
	opWebhooksUpdate
	opWebhooksDelete
	opDeploymentsCreate
	opDeploymentsList
	opDeploymentsGet
	opDeploymentsDelete
	opDeploymentsActivate
	opDeploymentsConfirmCode
	opOAuthAuthorize
	opOAuthToken
	opOAuthRevoke
)

var operations = [...]operation{
	opAppsCreate:    {"apps.create", "POST", "/apps", noApp, v1AndV11, forProvisioning, unsafe},
	opAppsList:      {"apps.list", "GET", "/apps", noApp, v1AndV11, forProvisioning, safe},
	opAppsGet:       {"apps.get", "GET", "/apps/{appId}", noApp, v1AndV11, forProvisioning, safe},
	opAppsUpdate:    {"apps.update", "PUT", "/apps/{appId}", noApp, v1AndV11, forProvisioning, idempotent},
	opAppsDelete:    {"apps.delete", "DELETE", "/apps/{appId}", noApp, v1AndV11, forProvisioning, removing},
	opAppsGetSDKIDs: {"apps.getSdkIds", "GET", "/sdks", inApp, v11Only, forApp, safe},

	opKeysCreate: {"keys.create", "POST", "/apps/{appId}/keys", noApp, v1AndV11, forProvisioning, unsafe},
	opKeysList:   {"keys.list", "GET", "/apps/{appId}/keys", noApp, v1AndV11, forProvisioning, safe},
	opKeysGet:    {"keys.get", "GET", "/apps/{appId}/keys/{keyId}", noApp, v1AndV11, forProvisioning, safe},
	opKeysDelete: {"keys.delete", "DELETE", "/apps/{appId}/keys/{keyId}", noApp, v1AndV11, forProvisioning, removing},
	opKeysGetJWT: {"keys.getJwt", "GET", "/apps/{appId}/keys/{keyId}/jwt", noApp, v1AndV11, forProvisioning, safe},

	opServiceAccountsCreate:     {"serviceaccounts.create", "POST", "/serviceaccounts", noApp, v1AndV11, forAccount, unsafe},
	opServiceAccountsList:       {"serviceaccounts.list", "GET", "/serviceaccounts", noApp, v1AndV11, forAccount, safe},
	opServiceAccountsGet:        {"serviceaccounts.get", "GET", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, safe},
	opServiceAccountsUpdate:     {"serviceaccounts.update", "PUT", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, idempotent},
	opServiceAccountsDelete:     {"serviceaccounts.delete", "DELETE", "/serviceaccounts/{serviceAccountId}", noApp, v1AndV11, forAccount, removing},
	opServiceAccountsKeysCreate: {"serviceaccounts.keys.create", "POST", "/serviceaccounts/{serviceAccountId}/keys", noApp, v1AndV11, forAccount, unsafe},
	opServiceAccountsKeysList:   {"serviceaccounts.keys.list", "GET", "/serviceaccounts/{serviceAccountId}/keys", noApp, v1AndV11, forAccount, safe},
	opServiceAccountsKeysGet:    {"serviceaccounts.keys.get", "GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, v1AndV11, forAccount, safe},
	opServiceAccountsKeysDelete: {"serviceaccounts.keys.delete", "DELETE", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, v1AndV11, forAccount, removing},
	opServiceAccountsKeysGetJWT: {"serviceaccounts.keys.getJwt", "GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}/jwt", noApp, v1AndV11, forAccount, safe},

	opInit: {"init", "POST", "/init", inApp, v1Only, forUser, idempotent},

	opAppUsersCreate:                  {"appusers.create", "POST", "/appusers", inApp, v1AndV11, forApp, unsafe},
	opAppUsersGet:                     {"appusers.get", "GET", "/appusers/{userId}", inApp, v1AndV11, forUser, safe},
	opAppUsersUpdate:                  {"appusers.update", "PUT", "/appusers/{userId}", inApp, v1AndV11, forUser, idempotent},
	opAppUsersDelete:                  {"appusers.delete", "DELETE", "/appusers/{userId}", inApp, v1AndV11, forApp, removing},
	opAppUsersDeleteProfile:           {"appusers.deleteProfile", "DELETE", "/appusers/{userId}/profile", inApp, v1AndV11, forApp, idempotent},
	opAppUsersTrackEvent:              {"appusers.trackEvent", "POST", "/appusers/{userId}/events", inApp, v1Only, forUser, unsafe},
	opAppUsersUpdateDevice:            {"appusers.updateDevice", "PUT", "/appusers/{userId}/devices/{deviceId}", inApp, v1Only, forUser, idempotent},
	opAppUsersUpdatePushToken:         {"appusers.updatePushToken", "POST", "/appusers/{userId}/pushToken", inApp, v1Only, forUser, idempotent},
	opAppUsersMerge:                   {"appusers.merge", "POST", "/appusers/merge", inApp, v11Only, forApp, unsafe},
	opAppUsersGetChannels:             {"appusers.getChannels", "GET", "/appusers/{userId}/channels", inApp, v1AndV11, forApp, safe},
	opAppUsersLinkChannel:             {"appusers.linkChannel", "POST", "/appusers/{userId}/channels", inApp, v1AndV11, forUser, unsafe},
	opAppUsersUnlinkChannel:           {"appusers.unlinkChannel", "DELETE", "/appusers/{userId}/channels/{channel}", inApp, v1AndV11, forUser, unlinking},
	opAppUsersGetBusinessSystems:      {"appusers.getBusinessSystems", "GET", "/appusers/{userId}/businesssystems", inApp, v1AndV11, forApp, safe},
	opAppUsersGetLinkRequests:         {"appusers.getLinkRequests", "GET", "/appusers/{userId}/linkrequest", inApp, v1AndV11, forApp, safe},
	opAppUsersGetAuthCode:             {"appusers.getAuthCode", "GET", "/appusers/{userId}/authcode", inApp, v1AndV11, forApp, safe},
	opAppUsersPingChannel:             {"appusers.pingChannel", "POST", "/appusers/{userId}/integrations/{channel}/ping", inApp, v1AndV11, forUser, unsafe},
	opAppUsersGetTransferRequests:     {"appusers.getTransferRequests", "GET", "/appusers/{userId}/transferrequest", inApp, v1Only, forUser, safe},
	opAppUsersGetWeChatQRCode:         {"appusers.getWeChatQRCode", "GET", "/appusers/{userId}/integrations/wechat/qrcode", inApp, v1AndV11, forUser, safe},
	opAppUsersGetViberQRCode:          {"appusers.getViberQRCode", "GET", "/appusers/{userId}/integrations/viber/qrcode", inApp, v1AndV11, forUser, safe},
	opAppUsersStripeUpdateCustomer:    {"appusers.stripe.updateCustomer", "POST", "/appusers/{userId}/stripe/customer", inApp, v1AndV11, forUserJWT, unsafe},
	opAppUsersStripeCreateTransaction: {"appusers.stripe.createTransaction", "POST", "/appusers/{userId}/stripe/transaction", inApp, v1AndV11, forUser, unsafe},

	opStripeGetAccount: {"stripe.getAccount", "GET", "/stripe/account", inApp, v1AndV11, forUser, safe},

	opConversationGet:         {"conversation.get", "GET", "/appusers/{userId}/conversation", inApp, v1AndV11, forUser, safe},
	opConversationPostMessage: {"conversation.postMessage", "POST", "/appusers/{userId}/conversation/messages", inApp, v1Only, forUser, unsafe},
	opConversationUploadImage: {"conversation.uploadImage", "POST", "/appusers/{userId}/conversation/images", inApp, v1Only, forUser, unsafe},
	opConversationActivity:    {"conversation.activity", "POST", "/appusers/{userId}/conversation/activity", inApp, v1AndV11, forApp, idempotent},
	opConversationResetUnread: {"conversation.resetUnread", "POST", "/appusers/{userId}/conversation/read", inApp, v1AndV11, forUser, idempotent},
	opConversationPostback:    {"conversation.postback", "POST", "/appusers/{userId}/conversation/postback", inApp, v1AndV11, forUser, unsafe},

	opMessagesList:        {"messages.list", "GET", "/appusers/{userId}/messages", inApp, v1AndV11, forUser, safe},
	opMessagesCreate:      {"messages.create", "POST", "/appusers/{userId}/messages", inApp, v1AndV11, forUser, unsafe},
	opMessagesDeleteAll:   {"messages.deleteAll", "DELETE", "/appusers/{userId}/messages", inApp, v1AndV11, forApp, removing},
	opMessagesDelete:      {"messages.delete", "DELETE", "/appusers/{userId}/messages/{messageId}", inApp, v1AndV11, forApp, removing},
	opMessagesUploadImage: {"messages.uploadImage", "POST", "/appusers/{userId}/images", inApp, v1AndV11, forUser, unsafe},

	opAttachmentsUpload:           {"attachments.upload", "POST", "/attachments", inApp, v1AndV11, forApp, unsafe},
	opAttachmentsRemove:           {"attachments.remove", "POST", "/attachments/remove", inApp, v1AndV11, forApp, removing},
	opAttachmentsCreateMediaToken: {"attachments.createMediaToken", "POST", "/attachments/token", inApp, v11Only, forApp, idempotent},
	opAttachmentsSetCookie:        {"attachments.setCookie", "GET", "/attachments/cookie", inApp, v11Only, forMediaToken, safe},

	opNotificationsCreate: {"notifications.create", "POST", "/notifications", inApp, v1AndV11, forApp, unsafe},

	opMenuGet:    {"menu.get", "GET", "/menu", inApp, v1AndV11, forApp, safe},
	opMenuUpdate: {"menu.update", "PUT", "/menu", inApp, v1AndV11, forApp, idempotent},
	opMenuDelete: {"menu.delete", "DELETE", "/menu", inApp, v1AndV11, forApp, removing},

	opIntegrationsCreate:                 {"integrations.create", "POST", "/integrations", inApp, v1AndV11, forApp, unsafe},
	opIntegrationsList:                   {"integrations.list", "GET", "/integrations", inApp, v1AndV11, forApp, safe},
	opIntegrationsGet:                    {"integrations.get", "GET", "/integrations/{integrationId}", inApp, v1AndV11, forApp, safe},
	opIntegrationsUpdate:                 {"integrations.update", "PUT", "/integrations/{integrationId}", inApp, v1AndV11, forApp, idempotent},
	opIntegrationsDelete:                 {"integrations.delete", "DELETE", "/integrations/{integrationId}", inApp, v1AndV11, forApp, removing},
	opIntegrationsMenuGet:                {"integrations.menu.get", "GET", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, safe},
	opIntegrationsMenuCreate:             {"integrations.menu.create", "POST", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, unsafe},
	opIntegrationsMenuUpdate:             {"integrations.menu.update", "PUT", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, idempotent},
	opIntegrationsMenuDelete:             {"integrations.menu.delete", "DELETE", "/integrations/{integrationId}/menu", inApp, v1AndV11, forApp, removing},
	opIntegrationsProfileGet:             {"integrations.profile.get", "GET", "/integrations/{integrationId}/profile", inApp, v11Only, forApp, safe},
	opIntegrationsProfileUpdate:          {"integrations.profile.update", "PUT", "/integrations/{integrationId}/profile", inApp, v1AndV11, forApp, idempotent},
	opIntegrationsProfileUploadPhoto:     {"integrations.profile.uploadPhoto", "PUT", "/integrations/{integrationId}/profile/photo", inApp, v11Only, forApp, idempotent},
	opIntegrationsMessageTemplatesList:   {"integrations.messageTemplates.list", "GET", "/integrations/{integrationId}/messageTemplates", inApp, v11Only, forApp, safe},
	opIntegrationsMessageTemplatesCreate: {"integrations.messageTemplates.create", "POST", "/integrations/{integrationId}/messageTemplates", inApp, v11Only, forApp, unsafe},
	opIntegrationsMessageTemplatesDelete: {"integrations.messageTemplates.delete", "DELETE", "/integrations/{integrationId}/messageTemplates/{name}", inApp, v11Only, forApp, removing},

	opTemplatesCreate: {"templates.create", "POST", "/templates", inApp, v1AndV11, forApp, unsafe},
	opTemplatesList:   {"templates.list", "GET", "/templates", inApp, v1AndV11, forApp, safe},
	opTemplatesGet:    {"templates.get", "GET", "/templates/{templateId}", inApp, v1AndV11, forApp, safe},
	opTemplatesUpdate: {"templates.update", "PUT", "/templates/{templateId}", inApp, v1AndV11, forApp, idempotent},
	opTemplatesDelete: {"templates.delete", "DELETE", "/templates/{templateId}", inApp, v1AndV11, forApp, removing},

	opWebhooksCreate: {"webhooks.create", "POST", "/webhooks", inApp, v1AndV11, forApp, unsafe},
	opWebhooksList:   {"webhooks.list", "GET", "/webhooks", inApp, v1AndV11, forApp, safe},
	opWebhooksGet:    {"webhooks.get", "GET", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, safe},
	opWebhooksUpdate: {"webhooks.update", "PUT", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, idempotent},
	opWebhooksDelete: {"webhooks.delete", "DELETE", "/webhooks/{webhookId}", inApp, v1AndV11, forApp, removing},

	opDeploymentsCreate:      {"deployments.create", "POST", "/whatsapp/deployments", noApp, v11Only, forAccount, unsafe},
	opDeploymentsList:        {"deployments.list", "GET", "/whatsapp/deployments", noApp, v11Only, forAccount, safe},
	opDeploymentsGet:         {"deployments.get", "GET", "/whatsapp/deployments/{deploymentId}", noApp, v11Only, forAccount, safe},
	opDeploymentsDelete:      {"deployments.delete", "DELETE", "/whatsapp/deployments/{deploymentId}", noApp, v11Only, forAccount, removing},
	opDeploymentsActivate:    {"deployments.activate", "POST", "/whatsapp/deployments/{deploymentId}/activate", noApp, v11Only, forAccount, unsafe},
	opDeploymentsConfirmCode: {"deployments.confirmCode", "POST", "/whatsapp/deployments/{deploymentId}/code/confirm", noApp, v11Only, forAccount, unsafe},

	opOAuthAuthorize: {"oauth.authorize", "GET", "/oauth/authorize", noApp, unversioned, forNone, safe},
	opOAuthToken:     {"oauth.token", "POST", "/oauth/token", noApp, unversioned, forNone, unsafe},
	opOAuthRevoke:    {"oauth.revoke", "DELETE", "/oauth/authorization", noApp, unversioned, forIntegration, removing},
}
