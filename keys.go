package smooch

import (
	"context"
	"log/slog"
)

// Key is a secret key of an app (its id begins with app_) or of a service account (svc_).
// Its id is the kid of the JWTs that it signs, and the user name of [BasicAuth]. Printing or
// logging a Key leaves out the secret.
type Key struct {
	ID     string `json:"_id"`
	Secret string `json:"secret,omitempty"` // in every response, not only when the key is created
	Name   string `json:"name,omitempty"`
}

// String returns a text with the key's id and without its secret.
func (k Key) String() string { return "smooch.Key(" + k.ID + ")" }

// GoString returns the text of String, so that %#v does not print the secret either.
func (k Key) GoString() string { return k.String() }

// LogValue returns the text of String, so that logs do not contain the secret.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// KeyCreate is the argument of [KeysService.Create] and [ServiceAccountsService.CreateKey].
type KeyCreate struct {
	Name string `json:"name"` // required; a label to tell keys apart
}

// KeysService manages the secret keys of the bound app. Its methods take no app id: the {appId} in
// their paths is that of [Client.ForApp] or [WithApp]. Whatever the credential, they fail with
// [ErrInvalidArgument] if no app is bound. They need a credential of the account level; with one of
// app scope they fail with [ErrForbidden].
type KeysService struct{ c *Client }

// app returns the id of the bound app, or "" if none is bound.
func (s *KeysService) app() string { return s.c.appID }

// Create creates a key and returns it with its secret, which signs JWTs ([AppJWT], [AppUserJWT]).
// It fails with [ErrNotFound] if there is no such app. A second call creates another key, so after
// [ErrOutcomeUnknown] list the keys, look for the name and delete what you do not use.
//
//	POST /apps/{appId}/keys
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) Create(ctx context.Context, key KeyCreate, opts ...CallOption) (*Key, error) {
	return one[Key](ctx, s.c, opKeysCreate.with(s.app()).json(key), opts)
}

// List returns all keys of the app with their secrets. It fails with [ErrNotFound] if there is no
// such app.
//
//	GET /apps/{appId}/keys
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) List(ctx context.Context, opts ...CallOption) ([]Key, error) {
	return list[Key](ctx, s.c, opKeysList.with(s.app()), opts)
}

// Get returns one key with its secret. It fails with [ErrNotFound] if the app has no such key.
//
//	GET /apps/{appId}/keys/{keyId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) Get(ctx context.Context, keyID string, opts ...CallOption) (*Key, error) {
	return one[Key](ctx, s.c, opKeysGet.with(s.app(), keyID), opts)
}

// Delete revokes a key. Every JWT that was signed with the key stops working. It fails with
// [ErrNotFound] if the app has no such key.
//
//	DELETE /apps/{appId}/keys/{keyId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) Delete(ctx context.Context, keyID string, opts ...CallOption) error {
	return exec(ctx, s.c, opKeysDelete.with(s.app(), keyID), opts)
}

// JWT returns a token of scope app that the service has signed with the key, for [BearerToken]. The
// token does not expire, so protect it like the key's secret. Each call may return another token;
// the earlier ones stay valid. It fails with [ErrNotFound] if the app has no such key.
//
//	GET /apps/{appId}/keys/{keyId}/jwt
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) JWT(ctx context.Context, keyID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opKeysGetJWT.with(s.app(), keyID), opts)
}
