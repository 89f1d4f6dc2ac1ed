package smooch

import (
	"context"
	"iter"
)

// ServiceAccount is an identity of its own for the API, which sees the apps that it made or was given.
type ServiceAccount struct {
	ID   string `json:"_id"`
	Name string `json:"name,omitempty"`
}

// ServiceAccountCreate is the argument of [ServiceAccountsService.Create].
type ServiceAccountCreate struct {
	Name string `json:"name"` // required, unique
}

// ServiceAccountUpdate is the argument of [ServiceAccountsService.Update].
type ServiceAccountUpdate struct {
	Name string `json:"name"` // required, unique
}

// ServiceAccountListOptions choose a page of service accounts.
type ServiceAccountListOptions struct {
	Limit  int `url:"limit,omitempty"`  // service accounts on a page; the service's default is 25, its maximum 100
	Offset int `url:"offset,omitempty"` // service accounts to skip
}

// ServiceAccountsService manages service accounts and their keys. Its calls take an account's
// own key (act_); a service account's key is answered with [ErrForbidden].
type ServiceAccountsService struct{ c *Client }

// Create makes a service account.
//
//	POST /serviceaccounts
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) Create(ctx context.Context, account ServiceAccountCreate, opts ...CallOption) (*ServiceAccount, error) {
	return one[ServiceAccount](ctx, s.c, opServiceAccountsCreate.with().json(account), opts)
}

// List gives one page of service accounts, 25 unless options say otherwise.
//
//	GET /serviceaccounts
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) List(ctx context.Context, options ServiceAccountListOptions, opts ...CallOption) (*Page[ServiceAccount], error) {
	return page[ServiceAccount](ctx, s.c, opServiceAccountsList.with().query(options), opts)
}

// All walks the service accounts from options.Offset on, asking for a page when the last is
// used up. An error is yielded once, last. What is created or deleted meanwhile shifts the pages.
//
//	GET /serviceaccounts
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) All(ctx context.Context, options ServiceAccountListOptions, opts ...CallOption) iter.Seq2[*ServiceAccount, error] {
	return pages(func(offset int) (*Page[ServiceAccount], error) {
		options := options
		options.Offset = offset
		return s.List(ctx, options, opts...)
	}, options.Offset)
}

// Get gives one service account. It fails with [ErrNotFound] if there is no such account.
//
//	GET /serviceaccounts/{serviceAccountId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) Get(ctx context.Context, serviceAccountID string, opts ...CallOption) (*ServiceAccount, error) {
	return one[ServiceAccount](ctx, s.c, opServiceAccountsGet.with(serviceAccountID), opts)
}

// Update renames a service account.
//
//	PUT /serviceaccounts/{serviceAccountId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) Update(ctx context.Context, serviceAccountID string, update ServiceAccountUpdate, opts ...CallOption) (*ServiceAccount, error) {
	return one[ServiceAccount](ctx, s.c, opServiceAccountsUpdate.with(serviceAccountID).json(update), opts)
}

// Delete removes a service account, once no app is linked to it.
//
//	DELETE /serviceaccounts/{serviceAccountId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) Delete(ctx context.Context, serviceAccountID string, opts ...CallOption) error {
	return exec(ctx, s.c, opServiceAccountsDelete.with(serviceAccountID), opts)
}

// CreateKey makes a key of a service account, for [AccountJWT] or [BasicAuth]. A repeat makes another key.
//
//	POST /serviceaccounts/{serviceAccountId}/keys
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) CreateKey(ctx context.Context, serviceAccountID string, key KeyCreate, opts ...CallOption) (*Key, error) {
	return one[Key](ctx, s.c, opServiceAccountsKeysCreate.with(serviceAccountID).json(key), opts)
}

// ListKeys gives all keys of a service account with their secrets.
//
//	GET /serviceaccounts/{serviceAccountId}/keys
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) ListKeys(ctx context.Context, serviceAccountID string, opts ...CallOption) ([]Key, error) {
	return list[Key](ctx, s.c, opServiceAccountsKeysList.with(serviceAccountID), opts)
}

// GetKey gives one key of a service account with its secret. It fails with [ErrNotFound] if there is no such key.
//
//	GET /serviceaccounts/{serviceAccountId}/keys/{keyId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) GetKey(ctx context.Context, serviceAccountID, keyID string, opts ...CallOption) (*Key, error) {
	return one[Key](ctx, s.c, opServiceAccountsKeysGet.with(serviceAccountID, keyID), opts)
}

// DeleteKey revokes a key of a service account. Every token that was signed with it stops working.
//
//	DELETE /serviceaccounts/{serviceAccountId}/keys/{keyId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) DeleteKey(ctx context.Context, serviceAccountID, keyID string, opts ...CallOption) error {
	return exec(ctx, s.c, opServiceAccountsKeysDelete.with(serviceAccountID, keyID), opts)
}

// KeyJWT gives a token of scope account that the service has signed with the key, for [BearerToken]. Treat it as the secret.
//
//	GET /serviceaccounts/{serviceAccountId}/keys/{keyId}/jwt
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ServiceAccountApi.md
func (s *ServiceAccountsService) KeyJWT(ctx context.Context, serviceAccountID, keyID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opServiceAccountsKeysGetJWT.with(serviceAccountID, keyID), opts)
}
