package smooch

import (
	"context"
	"iter"
	"log/slog"
)

// Deployment is a WhatsApp client that an integration uses. Printing or logging a Deployment
// leaves out the secret.
type Deployment struct {
	ID             string           `json:"_id"`
	Status         DeploymentStatus `json:"status,omitempty"`
	Hosting        Hosting          `json:"hosting,omitempty"`
	BaseURL        string           `json:"baseUrl,omitempty"`     // only with HostingSelf
	Username       string           `json:"username,omitempty"`    // only with HostingSelf
	PhoneNumber    string           `json:"phoneNumber,omitempty"` // set once it is registered
	CallbackURL    string           `json:"callbackUrl,omitempty"` // called when the status changes
	CallbackSecret string           `json:"callbackSecret,omitempty"`
	IntegrationID  string           `json:"integrationId,omitempty"` // the integration that uses it
	AppID          string           `json:"appId,omitempty"`         // the app that uses it
}

// String returns a text with the deployment's id and without its secret.
func (d Deployment) String() string { return "smooch.Deployment(" + d.ID + ")" }

// GoString returns the text of String, so that %#v does not print the secret either.
func (d Deployment) GoString() string { return d.String() }

// LogValue returns the text of String, so that logs do not contain the secret.
func (d Deployment) LogValue() slog.Value { return slog.StringValue(d.String()) }

// DeploymentStatus is the state of a deployment. The set is open.
type DeploymentStatus string

// The states of a deployment.
const (
	DeploymentStatusStarting     DeploymentStatus = "starting"     // being set up
	DeploymentStatusUnregistered DeploymentStatus = "unregistered" // to be activated
	DeploymentStatusPending      DeploymentStatus = "pending"      // the code is to be confirmed
	DeploymentStatusRegistered   DeploymentStatus = "registered"   // the phone number is confirmed
	DeploymentStatusIntegrated   DeploymentStatus = "integrated"   // an integration uses it
	DeploymentStatusDeleting     DeploymentStatus = "deleting"     // still being removed
	DeploymentStatusError        DeploymentStatus = "error"        // cannot be used
)

// Hosting says who runs the WhatsApp client of a deployment. The set is open.
type Hosting string

// The kinds of hosting.
const (
	HostingSelf   Hosting = "self"   // you
	HostingSmooch Hosting = "smooch" // the service
)

// DeploymentCreate is the argument of [DeploymentsService.Create].
type DeploymentCreate struct {
	redacted[DeploymentCreate]

	Hosting     Hosting `json:"hosting"`               // required
	BaseURL     string  `json:"baseUrl,omitempty"`     // only with HostingSelf
	Username    string  `json:"username,omitempty"`    // only with HostingSelf
	Password    string  `json:"password,omitempty"`    // only with HostingSelf; never returned
	CallbackURL string  `json:"callbackUrl,omitempty"` // called when the status changes
}

// ActivationMethod is the way in which WhatsApp sends the code to the phone number.
type ActivationMethod string

// The ways to send the code.
const (
	ActivationMethodSMS   ActivationMethod = "sms"   // a text message
	ActivationMethodVoice ActivationMethod = "voice" // a call
)

// DeploymentActivate is the argument of [DeploymentsService.Activate].
type DeploymentActivate struct {
	redacted[DeploymentActivate]

	PhoneNumber             string           `json:"phoneNumber"`             // required
	VerifiedNameCertificate string           `json:"verifiedNameCertificate"` // required
	Method                  ActivationMethod `json:"method"`                  // required
}

// DeploymentsService manages WhatsApp deployments. Create one, activate it with a phone number,
// confirm the code that is sent to that number, then create an integration with [WhatsAppCreate].
type DeploymentsService struct{ c *Client }

// Create starts a deployment and returns it. A second call starts a second deployment, so after
// [ErrOutcomeUnknown] list the deployments before you try again.
//
//	POST /whatsapp/deployments
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) Create(ctx context.Context, deployment DeploymentCreate, opts ...CallOption) (*Deployment, error) {
	return one[Deployment](ctx, s.c, opDeploymentsCreate.with().json(deployment), opts)
}

// List returns all deployments of the account. It fails with [ErrForbidden] if the credential is
// not an account's own.
//
//	GET /whatsapp/deployments
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) List(ctx context.Context, opts ...CallOption) ([]Deployment, error) {
	return list[Deployment](ctx, s.c, opDeploymentsList.with(), opts)
}

// All returns an iterator over all deployments of the account. The service sends them in one
// response, so All makes one call. Its error, such as [ErrForbidden] if the credential is not an
// account's own, is yielded with a nil deployment.
//
//	GET /whatsapp/deployments
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) All(ctx context.Context, opts ...CallOption) iter.Seq2[*Deployment, error] {
	return pages(func(int) (*Page[Deployment], error) {
		return page[Deployment](ctx, s.c, opDeploymentsList.with(), opts)
	}, 0)
}

// Get returns one deployment. It fails with [ErrNotFound] if there is no such deployment.
//
//	GET /whatsapp/deployments/{deploymentId}
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) Get(ctx context.Context, deploymentID string, opts ...CallOption) (*Deployment, error) {
	return one[Deployment](ctx, s.c, opDeploymentsGet.with(deploymentID), opts)
}

// Delete deletes a deployment. That may take a while, in which the deployment has the status
// [DeploymentStatusDeleting]. It fails with [ErrNotFound] if there is no such deployment.
//
//	DELETE /whatsapp/deployments/{deploymentId}
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) Delete(ctx context.Context, deploymentID string, opts ...CallOption) error {
	return exec(ctx, s.c, opDeploymentsDelete.with(deploymentID), opts)
}

// Activate has a code sent to the phone number, for [DeploymentsService.ConfirmCode]. It fails with
// [ErrNotFound] if there is no such deployment. Each call sends another code and may run into
// WhatsApp's limits, so after [ErrOutcomeUnknown] wait for the code before you try again.
//
//	POST /whatsapp/deployments/{deploymentId}/activate
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) Activate(ctx context.Context, deploymentID string, activate DeploymentActivate, opts ...CallOption) (*Deployment, error) {
	return one[Deployment](ctx, s.c, opDeploymentsActivate.with(deploymentID).json(activate), opts)
}

// ConfirmCode registers the phone number with the code that was sent to it. It fails with
// [ErrNotFound] if there is no such deployment. A code works only once, so after
// [ErrOutcomeUnknown] get the deployment and check whether its status is
// [DeploymentStatusRegistered] before you try again.
//
//	POST /whatsapp/deployments/{deploymentId}/code/confirm
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) ConfirmCode(ctx context.Context, deploymentID, code string, opts ...CallOption) (*Deployment, error) {
	return one[Deployment](ctx, s.c, opDeploymentsConfirmCode.with(deploymentID).json(map[string]string{"code": code}), opts)
}
