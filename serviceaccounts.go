package smooch

import (
	"context"
	"iter"
)

// ServiceAccount is a separate identity for the API. It can access only the apps that it created
// or was given access to.
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

// ServiceAccountListOptions selects service accounts for [ServiceAccountsService.List] and
// [ServiceAccountsService.All].
type ServiceAccountListOptions struct {
	Limit  int `url:"limit,omitempty"`  // page size; the service's default is 25, its maximum 100
	Offset int `url:"offset,omitempty"` // how many accounts to skip
}

// ServiceAccountsService manages service accounts and their keys. Its calls need an account's own
// key (act_); with the key of a service account (svc_) they fail with [ErrForbidden].
type ServiceAccountsService struct{ c *Client }

// Create creates a service account. If the name is taken, expect [ErrConflict], which the
// documentation does not promise. After [ErrOutcomeUnknown], list the service accounts and look for
// the name before you try again.
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

// List returns one page of service accounts. It fails with [ErrForbidden] if the key is that of a
// service account.
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

// All returns an iterator over the service accounts, from options.Offset on. It fetches one page at
// a time. An error ends the iteration and is yielded last, with a nil service account; the key of a
// service account meets [ErrForbidden]. Service accounts that are created or deleted meanwhile
// shift the pages, so one may come twice or not at all.
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

// Get returns one service account. It fails with [ErrNotFound] if there is no such account.
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

// Update renames a service account and returns it. It fails with [ErrNotFound] if there is no such
// account. If another account has the name, expect [ErrConflict], which the documentation does not
// promise.
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

// Delete deletes a service account. It fails with [ErrNotFound] if there is no such account. The
// service refuses to delete one that an app is linked to; expect [ErrBadRequest], as the status is
// not documented.
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

// CreateKey creates a key of a service account, for [AccountJWT] or [BasicAuth], and returns it
// with its secret. It fails with [ErrNotFound] if there is no such account. A second call creates
// another key, so after [ErrOutcomeUnknown] list the keys, look for the name and delete what you do
// not use.
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

// ListKeys returns all keys of a service account with their secrets. It fails with [ErrNotFound] if
// there is no such account.
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

// GetKey returns one key of a service account with its secret. It fails with [ErrNotFound] if the
// account has no such key.
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

// DeleteKey revokes a key of a service account. Every JWT that was signed with the key stops
// working. It fails with [ErrNotFound] if the account has no such key.
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

// KeyJWT returns a token of scope account that the service has signed with the key, for
// [BearerToken]. Protect it like the key's secret. Each call may return another token; the earlier
// ones stay valid. It fails with [ErrNotFound] if the account has no such key.
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
