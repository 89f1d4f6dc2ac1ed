package smooch

import (
	"context"
	"log/slog"
)

// Key is a secret key: of an app (its id begins with app_) or a service account (svc_).
// Its id is a JWT's kid, or the user name of [BasicAuth]. Printing one leaves out the secret.
type Key struct {
	ID     string `json:"_id"`
	Secret string `json:"secret,omitempty"` // every answer has it
	Name   string `json:"name,omitempty"`
}

// String names the key without its secret.
func (k Key) String() string { return "smooch.Key(" + k.ID + ")" }

// GoString is String, so that %#v shows no secret either.
func (k Key) GoString() string { return k.String() }

// LogValue is the key without its secret.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// KeyCreate is the argument of [KeysService.Create].
type KeyCreate struct {
	Name string `json:"name"` // required, to tell keys apart
}

// KeysService manages the secret keys of the bound app ([Client.ForApp], [WithApp]), which
// every call needs, whatever the credential. Its calls take a credential of the account level;
// an app's own key is answered with [ErrForbidden].
type KeysService struct{ c *Client }

// app is the id of the bound app, "" if there is none.
func (s *KeysService) app() string { return s.c.appID }

// Create makes a key. The answer holds its secret, with which JWTs are signed ([AppJWT],
// [AppUserJWT]). A repeat makes another key.
//
//	POST /apps/{appId}/keys
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) Create(ctx context.Context, key KeyCreate, opts ...CallOption) (*Key, error) {
	return one[Key](ctx, s.c, opKeysCreate.with(s.app()).json(key), opts)
}

// List gives all keys of the app with their secrets.
//
//	GET /apps/{appId}/keys
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) List(ctx context.Context, opts ...CallOption) ([]Key, error) {
	return list[Key](ctx, s.c, opKeysList.with(s.app()), opts)
}

// Get gives one key with its secret. It fails with [ErrNotFound] if the app has no such key.
//
//	GET /apps/{appId}/keys/{keyId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) Get(ctx context.Context, keyID string, opts ...CallOption) (*Key, error) {
	return one[Key](ctx, s.c, opKeysGet.with(s.app(), keyID), opts)
}

// Delete revokes a key. Every token that was signed with it stops working.
//
//	DELETE /apps/{appId}/keys/{keyId}
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) Delete(ctx context.Context, keyID string, opts ...CallOption) error {
	return exec(ctx, s.c, opKeysDelete.with(s.app(), keyID), opts)
}

// JWT gives a token of scope app that the service has signed with the key. It has no
// expiry, so treat it as the secret; for [BearerToken].
//
//	GET /apps/{appId}/keys/{keyId}/jwt
//
// Scope: appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppApi.md
func (s *KeysService) JWT(ctx context.Context, keyID string, opts ...CallOption) (string, error) {
	return text(ctx, s.c, opKeysGetJWT.with(s.app(), keyID), opts)
}
