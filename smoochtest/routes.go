package smoochtest

import "strings"

// route is one call of the API.
type route struct {
	method   string
	path     string
	inApp    bool
	versions string // those that have it; "": it has no version in its path
	level    level
	do       func(*call) reply
}

const (
	inApp = true
	noApp = false
)

// match compares a path with the route's, whose words come in any case, and takes out the arguments.
func (rt *route) match(segments []string, params map[string]string) bool {
	words := strings.Split(strings.TrimPrefix(rt.path, "/"), "/")
	if len(words) != len(segments) {
		return false
	}
	for i, word := range words {
		if name, isArgument := strings.CutPrefix(word, "{"); isArgument {
			if segments[i] == "" {
				return false
			}
			params[strings.TrimSuffix(name, "}")] = segments[i]
		} else if !strings.EqualFold(word, segments[i]) {
			return false
		}
	}
	return true
}

func (rt *route) has(version string) bool {
	for v := range strings.FieldsSeq(rt.versions) {
		if v == version {
			return true
		}
	}
	return rt.versions == "" && version == ""
}

// table is every call of the API, in both versions.
func table() []route {
	return []route{
		{"POST", "/apps", noApp, "v1 v1.1", forProvisioning, (*call).createApp},
		{"GET", "/apps", noApp, "v1 v1.1", forProvisioning, (*call).listApps},
		{"GET", "/apps/{appId}", noApp, "v1 v1.1", forProvisioning, (*call).getApp},
		{"PUT", "/apps/{appId}", noApp, "v1 v1.1", forProvisioning, (*call).updateApp},
		{"DELETE", "/apps/{appId}", noApp, "v1 v1.1", forProvisioning, (*call).deleteApp},
		{"GET", "/sdks", inApp, "v1.1", forApp, (*call).sdkIDs},

		{"POST", "/apps/{appId}/keys", noApp, "v1 v1.1", forProvisioning, (*call).createKey},
		{"GET", "/apps/{appId}/keys", noApp, "v1 v1.1", forProvisioning, (*call).listKeys},
		{"GET", "/apps/{appId}/keys/{keyId}", noApp, "v1 v1.1", forProvisioning, (*call).getKey},
		{"DELETE", "/apps/{appId}/keys/{keyId}", noApp, "v1 v1.1", forProvisioning, (*call).deleteKey},
		{"GET", "/apps/{appId}/keys/{keyId}/jwt", noApp, "v1 v1.1", forProvisioning, (*call).keyJWT},

		{"POST", "/serviceaccounts", noApp, "v1 v1.1", forAccount, (*call).createAccount},
		{"GET", "/serviceaccounts", noApp, "v1 v1.1", forAccount, (*call).listAccounts},
		{"GET", "/serviceaccounts/{serviceAccountId}", noApp, "v1 v1.1", forAccount, (*call).getAccount},
		{"PUT", "/serviceaccounts/{serviceAccountId}", noApp, "v1 v1.1", forAccount, (*call).updateAccount},
		{"DELETE", "/serviceaccounts/{serviceAccountId}", noApp, "v1 v1.1", forAccount, (*call).deleteAccount},
		{"POST", "/serviceaccounts/{serviceAccountId}/keys", noApp, "v1 v1.1", forAccount, (*call).createKey},
		{"GET", "/serviceaccounts/{serviceAccountId}/keys", noApp, "v1 v1.1", forAccount, (*call).listKeys},
		{"GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, "v1 v1.1", forAccount, (*call).getKey},
		{"DELETE", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, "v1 v1.1", forAccount, (*call).deleteKey},
		{"GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}/jwt", noApp, "v1 v1.1", forAccount, (*call).keyJWT},

		{"POST", "/init", inApp, "v1", forUser, (*call).initDevice},

		{"POST", "/appusers", inApp, "v1 v1.1", forApp, (*call).createUser},
		{"GET", "/appusers/{userId}", inApp, "v1 v1.1", forUser, (*call).getUser},
		{"PUT", "/appusers/{userId}", inApp, "v1 v1.1", forUser, (*call).updateUser},
		{"DELETE", "/appusers/{userId}", inApp, "v1 v1.1", forApp, (*call).deleteUser},
		{"DELETE", "/appusers/{userId}/profile", inApp, "v1 v1.1", forApp, (*call).deleteProfile},
		{"POST", "/appusers/{userId}/events", inApp, "v1", forUser, (*call).trackEvent},
		{"PUT", "/appusers/{userId}/devices/{deviceId}", inApp, "v1", forUser, (*call).updateDevice},
		{"POST", "/appusers/{userId}/pushToken", inApp, "v1", forUser, (*call).updatePushToken},
		{"POST", "/appusers/merge", inApp, "v1.1", forApp, (*call).mergeUsers},
		{"GET", "/appusers/{userId}/channels", inApp, "v1 v1.1", forApp, (*call).channels},
		{"POST", "/appusers/{userId}/channels", inApp, "v1 v1.1", forUser, (*call).linkChannel},
		{"DELETE", "/appusers/{userId}/channels/{channel}", inApp, "v1 v1.1", forUser, (*call).unlinkChannel},
		{"GET", "/appusers/{userId}/businesssystems", inApp, "v1 v1.1", forApp, (*call).businessSystems},
		{"GET", "/appusers/{userId}/linkrequest", inApp, "v1 v1.1", forApp, (*call).linkRequests},
		{"GET", "/appusers/{userId}/authcode", inApp, "v1 v1.1", forApp, (*call).authCode},
		{"POST", "/appusers/{userId}/integrations/{channel}/ping", inApp, "v1 v1.1", forUser, (*call).pingChannel},
		{"GET", "/appusers/{userId}/transferrequest", inApp, "v1", forUser, (*call).transferRequests},
		{"GET", "/appusers/{userId}/integrations/wechat/qrcode", inApp, "v1 v1.1", forUser, (*call).qrCode},
		{"GET", "/appusers/{userId}/integrations/viber/qrcode", inApp, "v1 v1.1", forUser, (*call).qrCode},
		{"POST", "/appusers/{userId}/stripe/customer", inApp, "v1 v1.1", forUserJWT, (*call).stripeCustomer},
		{"POST", "/appusers/{userId}/stripe/transaction", inApp, "v1 v1.1", forUser, (*call).stripeTransaction},

		{"GET", "/stripe/account", inApp, "v1 v1.1", forUser, (*call).stripeAccount},

		{"GET", "/appusers/{userId}/conversation", inApp, "v1 v1.1", forUser, (*call).getConversation},
		{"POST", "/appusers/{userId}/conversation/messages", inApp, "v1", forUser, (*call).postMessage},
		{"POST", "/appusers/{userId}/conversation/images", inApp, "v1", forUser, (*call).uploadImage},
		{"POST", "/appusers/{userId}/conversation/activity", inApp, "v1 v1.1", forApp, (*call).activity},
		{"POST", "/appusers/{userId}/conversation/read", inApp, "v1 v1.1", forUser, (*call).resetUnread},
		{"POST", "/appusers/{userId}/conversation/postback", inApp, "v1 v1.1", forUser, (*call).postback},

		{"GET", "/appusers/{userId}/messages", inApp, "v1 v1.1", forUser, (*call).listMessages},
		{"POST", "/appusers/{userId}/messages", inApp, "v1 v1.1", forUser, (*call).postMessage},
		{"DELETE", "/appusers/{userId}/messages", inApp, "v1 v1.1", forApp, (*call).deleteMessages},
		{"DELETE", "/appusers/{userId}/messages/{messageId}", inApp, "v1 v1.1", forApp, (*call).deleteMessage},
		{"POST", "/appusers/{userId}/images", inApp, "v1 v1.1", forUser, (*call).uploadImage},

		{"POST", "/attachments", inApp, "v1 v1.1", forApp, (*call).uploadAttachment},
		{"POST", "/attachments/remove", inApp, "v1 v1.1", forApp, (*call).removeAttachment},
		{"POST", "/attachments/token", inApp, "v1.1", forApp, (*call).mediaTokens},
		{"GET", "/attachments/cookie", inApp, "v1.1", forMedia, (*call).setCookie},

		{"POST", "/notifications", inApp, "v1 v1.1", forApp, (*call).notify},

		{"GET", "/menu", inApp, "v1 v1.1", forApp, (*call).getMenu},
		{"PUT", "/menu", inApp, "v1 v1.1", forApp, (*call).updateMenu},
		{"DELETE", "/menu", inApp, "v1 v1.1", forApp, (*call).deleteMenu},

		{"POST", "/integrations", inApp, "v1 v1.1", forApp, (*call).createIntegration},
		{"GET", "/integrations", inApp, "v1 v1.1", forApp, (*call).listIntegrations},
		{"GET", "/integrations/{integrationId}", inApp, "v1 v1.1", forApp, (*call).getIntegration},
		{"PUT", "/integrations/{integrationId}", inApp, "v1 v1.1", forApp, (*call).updateIntegration},
		{"DELETE", "/integrations/{integrationId}", inApp, "v1 v1.1", forApp, (*call).deleteIntegration},
		{"GET", "/integrations/{integrationId}/menu", inApp, "v1 v1.1", forApp, (*call).getMenu},
		{"POST", "/integrations/{integrationId}/menu", inApp, "v1 v1.1", forApp, (*call).createMenu},
		{"PUT", "/integrations/{integrationId}/menu", inApp, "v1 v1.1", forApp, (*call).updateMenu},
		{"DELETE", "/integrations/{integrationId}/menu", inApp, "v1 v1.1", forApp, (*call).deleteMenu},
		{"GET", "/integrations/{integrationId}/profile", inApp, "v1.1", forApp, (*call).getProfile},
		{"PUT", "/integrations/{integrationId}/profile", inApp, "v1 v1.1", forApp, (*call).updateProfile},
		{"PUT", "/integrations/{integrationId}/profile/photo", inApp, "v1.1", forApp, (*call).uploadPhoto},
		{"GET", "/integrations/{integrationId}/messageTemplates", inApp, "v1.1", forApp, (*call).listMessageTemplates},
		{"POST", "/integrations/{integrationId}/messageTemplates", inApp, "v1.1", forApp, (*call).createMessageTemplate},
		{"DELETE", "/integrations/{integrationId}/messageTemplates/{name}", inApp, "v1.1", forApp, (*call).deleteMessageTemplate},

		{"POST", "/templates", inApp, "v1 v1.1", forApp, (*call).createTemplate},
		{"GET", "/templates", inApp, "v1 v1.1", forApp, (*call).listTemplates},
		{"GET", "/templates/{templateId}", inApp, "v1 v1.1", forApp, (*call).getTemplate},
		{"PUT", "/templates/{templateId}", inApp, "v1 v1.1", forApp, (*call).updateTemplate},
		{"DELETE", "/templates/{templateId}", inApp, "v1 v1.1", forApp, (*call).deleteTemplate},

		{"POST", "/webhooks", inApp, "v1 v1.1", forApp, (*call).createWebhook},
		{"GET", "/webhooks", inApp, "v1 v1.1", forApp, (*call).listWebhooks},
		{"GET", "/webhooks/{webhookId}", inApp, "v1 v1.1", forApp, (*call).getWebhook},
		{"PUT", "/webhooks/{webhookId}", inApp, "v1 v1.1", forApp, (*call).updateWebhook},
		{"DELETE", "/webhooks/{webhookId}", inApp, "v1 v1.1", forApp, (*call).deleteWebhook},

		{"POST", "/whatsapp/deployments", noApp, "v1.1", forAccount, (*call).createDeployment},
		{"GET", "/whatsapp/deployments", noApp, "v1.1", forAccount, (*call).listDeployments},
		{"GET", "/whatsapp/deployments/{deploymentId}", noApp, "v1.1", forAccount, (*call).getDeployment},
		{"DELETE", "/whatsapp/deployments/{deploymentId}", noApp, "v1.1", forAccount, (*call).deleteDeployment},
		{"POST", "/whatsapp/deployments/{deploymentId}/activate", noApp, "v1.1", forAccount, (*call).activateDeployment},
		{"POST", "/whatsapp/deployments/{deploymentId}/code/confirm", noApp, "v1.1", forAccount, (*call).confirmDeployment},

		{"GET", "/oauth/authorize", noApp, "", forNobody, (*call).oauthAuthorize},
		{"POST", "/oauth/token", noApp, "", forNobody, (*call).oauthToken},
		{"DELETE", "/oauth/authorization", noApp, "", forIntegration, (*call).oauthRevoke},
	}
}
