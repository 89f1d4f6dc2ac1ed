// Package service finds the Smooch service that an example talks to. A program of your own needs
// only [smooch.NewClient].
package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochtest"
)

// Service is a Smooch service with a key.
type Service struct {
	KeyID, Secret string
	BaseURL       string             // "" for the default of the SDK
	AppID         string             // "" if only the key says which app it is
	Real          bool               // neither a sandbox nor a fake
	Fake          *smoochtest.Server // nil unless it was started for the example
}

// ForApp returns a service with the key of an app: the smooch-sandbox at the given address; or, if
// that is empty, the service that SMOOCH_KEY_ID, SMOOCH_KEY_SECRET and SMOOCH_BASE_URL name; or a
// fake service in this process.
func ForApp(ctx context.Context, sandbox string) (*Service, error) {
	s, given, err := find(ctx, sandbox)
	if err == nil && s.KeyID == "" {
		s.KeyID, s.Secret, s.AppID = given.KeyID, given.Secret, given.AppID
	}
	return s, err
}

// ForAccount returns a service with the key of an account. It looks where [ForApp] does.
func ForAccount(ctx context.Context, sandbox string) (*Service, error) {
	s, given, err := find(ctx, sandbox)
	if err == nil && s.KeyID == "" {
		s.KeyID, s.Secret = given.AccountKeyID, given.AccountSecret
	}
	return s, err
}

// Options returns the options that every client of the service needs.
func (s *Service) Options() []smooch.Option {
	if s.BaseURL == "" {
		return nil
	}
	return []smooch.Option{smooch.WithBaseURL(s.BaseURL)}
}

// Close stops the service if it was started for the example.
func (s *Service) Close() {
	if s.Fake != nil {
		s.Fake.Close()
	}
}

// find returns the service. Its key is empty if the settings have it.
func find(ctx context.Context, sandbox string) (*Service, *smoochtest.ClientSettings, error) {
	keyID, secret := os.Getenv("SMOOCH_KEY_ID"), os.Getenv("SMOOCH_KEY_SECRET")
	switch {
	case sandbox != "":
		given, err := join(ctx, strings.TrimSuffix(sandbox, "/"))
		if err != nil {
			return nil, nil, err
		}
		return &Service{BaseURL: strings.TrimSuffix(sandbox, "/")}, given, nil
	case keyID != "" && secret != "":
		return &Service{KeyID: keyID, Secret: secret, BaseURL: os.Getenv("SMOOCH_BASE_URL"), Real: true}, nil, nil
	case keyID != "" || secret != "":
		return nil, nil, errors.New("SMOOCH_KEY_ID and SMOOCH_KEY_SECRET must be set together")
	}
	fake, err := smoochtest.Start()
	if err != nil {
		return nil, nil, err
	}
	given := fake.ClientSettings()
	return &Service{BaseURL: fake.URL, Fake: fake}, &given, nil
}

// join asks a smooch-sandbox for its credentials, which it tells to whoever asks.
func join(ctx context.Context, sandbox string) (*smoochtest.ClientSettings, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, sandbox+"/_sandbox/credentials", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s is no smooch-sandbox: it answers %s", sandbox, resp.Status)
	}
	given := &smoochtest.ClientSettings{}
	return given, json.NewDecoder(resp.Body).Decode(given)
}
