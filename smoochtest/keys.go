package smoochtest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Apps and service accounts have the same calls for their keys.
var keyRoutes = []route{
	{"POST", "/apps/{appId}/keys", noApp, v1AndV11, forProvisioning, createKey},
	{"GET", "/apps/{appId}/keys", noApp, v1AndV11, forProvisioning, listKeys},
	{"GET", "/apps/{appId}/keys/{keyId}", noApp, v1AndV11, forProvisioning, withKey(getKey)},
	{"DELETE", "/apps/{appId}/keys/{keyId}", noApp, v1AndV11, forProvisioning, withKey(deleteKey)},
	{"GET", "/apps/{appId}/keys/{keyId}/jwt", noApp, v1AndV11, forProvisioning, withKey(getKeyJWT)},

	{"POST", "/serviceaccounts/{serviceAccountId}/keys", noApp, v1AndV11, forAccount, createKey},
	{"GET", "/serviceaccounts/{serviceAccountId}/keys", noApp, v1AndV11, forAccount, listKeys},
	{"GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, v1AndV11, forAccount, withKey(getKey)},
	{"DELETE", "/serviceaccounts/{serviceAccountId}/keys/{keyId}", noApp, v1AndV11, forAccount, withKey(deleteKey)},
	{"GET", "/serviceaccounts/{serviceAccountId}/keys/{keyId}/jwt", noApp, v1AndV11, forAccount, withKey(getKeyJWT)},
}

// key is a secret key.
type key struct {
	id, secret, name string
	owner            keyOwner
}

// keyOwner is what a key belongs to.
type keyOwner struct {
	kind ownerKind
	id   string // of the app or service account
}

// ownerKind is also the prefix of the ids of the owner's keys.
type ownerKind string

const (
	ownerAccount        ownerKind = "act"
	ownerServiceAccount ownerKind = "svc"
	ownerApp            ownerKind = "app"
)

func newKey(s *Server, name string, owner keyOwner) *key {
	k := &key{string(owner.kind) + "_" + s.random.id(), s.random.hex(40), name, owner}
	s.keys[k.id] = k
	return k
}

// rename gives a key the id and the secret that are set in given, and sets in given what is not.
func (k *key) rename(s *Server, given *Credentials) {
	delete(s.keys, k.id)
	given.KeyID, given.Secret = cmp.Or(given.KeyID, k.id), cmp.Or(given.Secret, k.secret)
	k.id, k.secret = given.KeyID, given.Secret
	s.keys[k.id] = k
}

func deleteKeysOf(s *Server, owner keyOwner) {
	maps.DeleteFunc(s.keys, func(_ string, k *key) bool { return k.owner == owner })
}

func (k *key) json() object { return object{"_id": k.id, "name": k.name, "secret": k.secret} }

// jwt returns a JWT of the widest scope that the key can sign.
func (k *key) jwt(s *Server) string {
	claims := jwt.MapClaims{"scope": keyCredential(s, k).scope, "iat": s.clock.now().Unix()}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	t.Header["kid"] = k.id
	signed, err := t.SignedString([]byte(k.secret))
	if err != nil {
		panic(err) // signing with HMAC does not fail
	}
	return signed
}

// findKeyOwner finds whose keys a call is about.
func findKeyOwner(c *call) (keyOwner, *reply) {
	if c.app != nil {
		return keyOwner{ownerApp, c.app.id}, nil
	}
	id := c.params["serviceAccountId"]
	if byID(c.server.serviceAccounts, id) == nil {
		return keyOwner{}, notFound("Service account")
	}
	return keyOwner{ownerServiceAccount, id}, nil
}

// withKey makes a handler of a function that is about one key.
func withKey(handler func(c *call, k *key) *reply) func(*call) *reply {
	return func(c *call) *reply {
		owner, refusal := findKeyOwner(c)
		if refusal != nil {
			return refusal
		}
		k := c.server.keys[c.params["keyId"]]
		if k == nil || k.owner != owner {
			return notFound("Key")
		}
		return handler(c, k)
	}
}

func createKey(c *call) *reply {
	owner, refusal := findKeyOwner(c)
	if refusal != nil {
		return refusal
	}
	if refusal := c.require("name"); refusal != nil {
		return refusal
	}
	return created(object{"key": newKey(c.server, c.text("name"), owner).json()})
}

func listKeys(c *call) *reply {
	owner, refusal := findKeyOwner(c)
	if refusal != nil {
		return refusal
	}
	all := []object{}
	for _, id := range slices.Sorted(maps.Keys(c.server.keys)) {
		if k := c.server.keys[id]; k.owner == owner {
			all = append(all, k.json())
		}
	}
	return ok(object{"keys": all})
}

func getKey(_ *call, k *key) *reply { return ok(object{"key": k.json()}) }

func deleteKey(c *call, k *key) *reply {
	delete(c.server.keys, k.id)
	return ok(object{})
}

func getKeyJWT(c *call, k *key) *reply { return ok(object{"jwt": k.jwt(c.server)}) }
