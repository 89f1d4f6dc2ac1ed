package smooch

import (
	"context"
	"iter"
	"log/slog"
)

// Deployment is a WhatsApp client that an integration uses. Printing one leaves out the secret.
type Deployment struct {
	ID             string           `json:"_id"`
	Status         DeploymentStatus `json:"status,omitempty"`
	Hosting        Hosting          `json:"hosting,omitempty"`
	BaseURL        string           `json:"baseUrl,omitempty"`     // self hosting
	Username       string           `json:"username,omitempty"`    // self hosting
	PhoneNumber    string           `json:"phoneNumber,omitempty"` // once registered
	CallbackURL    string           `json:"callbackUrl,omitempty"`
	CallbackSecret string           `json:"callbackSecret,omitempty"`
	IntegrationID  string           `json:"integrationId,omitempty"` // who uses it
	AppID          string           `json:"appId,omitempty"`         // who uses it
}

// String names the deployment without its secret.
func (d Deployment) String() string { return "smooch.Deployment(" + d.ID + ")" }

// GoString is String, so that %#v shows no secret either.
func (d Deployment) GoString() string { return d.String() }

// LogValue is the deployment without its secret.
func (d Deployment) LogValue() slog.Value { return slog.StringValue(d.String()) }

// DeploymentStatus is how far a deployment is. The set is open.
type DeploymentStatus string

// The states of a deployment.
const (
	DeploymentStatusStarting     DeploymentStatus = "starting"
	DeploymentStatusUnregistered DeploymentStatus = "unregistered"
	DeploymentStatusPending      DeploymentStatus = "pending"
	DeploymentStatusRegistered   DeploymentStatus = "registered"
	DeploymentStatusIntegrated   DeploymentStatus = "integrated"
	DeploymentStatusDeleting     DeploymentStatus = "deleting"
	DeploymentStatusError        DeploymentStatus = "error"
)

// Hosting is who runs a deployment. The set is open.
type Hosting string

// The kinds of hosting.
const (
	HostingSelf   Hosting = "self"
	HostingSmooch Hosting = "smooch"
)

// DeploymentCreate is the argument of [DeploymentsService.Create].
type DeploymentCreate struct {
	Hosting     Hosting `json:"hosting"`               // required
	BaseURL     string  `json:"baseUrl,omitempty"`     // self hosting
	Username    string  `json:"username,omitempty"`    // self hosting
	Password    string  `json:"password,omitempty"`    // self hosting; never answered
	CallbackURL string  `json:"callbackUrl,omitempty"` // called when the status changes
}

// DeploymentActivate is the argument of [DeploymentsService.Activate].
type DeploymentActivate struct {
	PhoneNumber             string `json:"phoneNumber"`             // required
	VerifiedNameCertificate string `json:"verifiedNameCertificate"` // required
	Method                  string `json:"method"`                  // required: "sms" or "voice"
}

// DeploymentsService manages WhatsApp deployments: create one, activate it with a phone
// number, confirm the code that arrives there, then create an integration with [WhatsAppCreate].
type DeploymentsService struct{ c *Client }

// Create starts a deployment. A repeat starts a second one.
//
//	POST /whatsapp/deployments
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) Create(ctx context.Context, deployment DeploymentCreate, opts ...CallOption) (*Deployment, error) {
	return one[Deployment](ctx, s.c, opDeploymentsCreate.with().json(deployment), opts)
}

// List gives all deployments.
//
//	GET /whatsapp/deployments
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) List(ctx context.Context, opts ...CallOption) ([]Deployment, error) {
	return list[Deployment](ctx, s.c, opDeploymentsList.with(), opts)
}

// All walks all deployments, which the service gives in one answer.
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

// Get gives one deployment. It fails with [ErrNotFound] if there is no such deployment.
//
//	GET /whatsapp/deployments/{deploymentId}
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) Get(ctx context.Context, deploymentID string, opts ...CallOption) (*Deployment, error) {
	return one[Deployment](ctx, s.c, opDeploymentsGet.with(deploymentID), opts)
}

// Delete removes a deployment. It may live on for a while with the status deleting.
//
//	DELETE /whatsapp/deployments/{deploymentId}
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) Delete(ctx context.Context, deploymentID string, opts ...CallOption) error {
	return exec(ctx, s.c, opDeploymentsDelete.with(deploymentID), opts)
}

// Activate asks for a code to be sent to the phone number. A repeat sends another and may meet WhatsApp's limits.
//
//	POST /whatsapp/deployments/{deploymentId}/activate
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) Activate(ctx context.Context, deploymentID string, activate DeploymentActivate, opts ...CallOption) (*Deployment, error) {
	return one[Deployment](ctx, s.c, opDeploymentsActivate.with(deploymentID).json(activate), opts)
}

// ConfirmCode registers the phone number with the code that it got. A code works once: after
// [ErrOutcomeUnknown] get the deployment and look for the status registered.
//
//	POST /whatsapp/deployments/{deploymentId}/code/confirm
//
// Scope: appMaker, account.
// Versions: v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/DeploymentApi.md
func (s *DeploymentsService) ConfirmCode(ctx context.Context, deploymentID, code string, opts ...CallOption) (*Deployment, error) {
	return one[Deployment](ctx, s.c, opDeploymentsConfirmCode.with(deploymentID).json(map[string]string{"code": code}), opts)
}
