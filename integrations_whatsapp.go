package smooch

import "encoding/json"

// Profile is the business profile of a WhatsApp integration. The service may answer more: [WithResponse].
type Profile struct {
	About       string   `json:"about,omitempty"`
	Address     string   `json:"address,omitempty"`
	Description string   `json:"description,omitempty"`
	Email       string   `json:"email,omitempty"`
	PhotoURL    string   `json:"photoUrl,omitempty"`
	Vertical    string   `json:"vertical,omitempty"` // the line of business
	Websites    []string `json:"websites,omitzero"`
}

// ProfileUpdate is the argument of [IntegrationsService.UpdateProfile]. nil leaves a field as it is.
type ProfileUpdate struct {
	About       *string  `json:"about,omitempty"`       // about 139 characters
	Address     *string  `json:"address,omitempty"`     // 256 characters
	Description *string  `json:"description,omitempty"` // 256 characters
	Email       *string  `json:"email,omitempty"`       // 128 characters
	PhotoURL    *string  `json:"photoUrl,omitempty"`    // 640x640 pixels and 63 KB are advised
	Vertical    *string  `json:"vertical,omitempty"`    // 128 characters
	Websites    []string `json:"websites,omitzero"`     // 2, of 256 characters each
}

// ProfilePhoto is the answer of [IntegrationsService.UploadProfilePhoto].
type ProfilePhoto struct {
	PhotoURL string `json:"photoUrl"`
}

// MessageTemplate is a template of WhatsApp's, which a message names to reach a person outside the 24 hour window.
type MessageTemplate struct {
	ID         string          `json:"id,omitempty"`
	Name       string          `json:"name"`
	Language   string          `json:"language,omitempty"`   // such as "en_US"
	Category   string          `json:"category,omitempty"`   // such as "ALERT_UPDATE"
	Status     string          `json:"status,omitempty"`     // "PENDING" after creation
	Components json.RawMessage `json:"components,omitempty"` // in WhatsApp's form
}

// MessageTemplateCreate is the argument of [IntegrationsService.CreateMessageTemplate].
type MessageTemplateCreate struct {
	Name       string          `json:"name"`       // required
	Language   string          `json:"language"`   // required, such as "en_US"
	Category   string          `json:"category"`   // required, such as "ALERT_UPDATE"
	Components json.RawMessage `json:"components"` // required, an array in WhatsApp's form: [{"type":"BODY","text":"..."}]
}

// MessageTemplateListOptions choose message templates. Before and After are cursors of the service, opaque.
type MessageTemplateListOptions struct {
	Name   string `url:"name,omitempty"` // all translations of one template
	Limit  int    `url:"limit,omitempty"`
	Before string `url:"before,omitempty"`
	After  string `url:"after,omitempty"`
}
