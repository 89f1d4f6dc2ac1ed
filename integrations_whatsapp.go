package smooch

import "encoding/json"

// Profile is the business profile of a WhatsApp integration. Use [WithResponse] to read members
// that the SDK does not know.
type Profile struct {
	About       string   `json:"about,omitempty"`
	Address     string   `json:"address,omitempty"`
	Description string   `json:"description,omitempty"`
	Email       string   `json:"email,omitempty"`
	PhotoURL    string   `json:"photoUrl,omitempty"`
	Vertical    string   `json:"vertical,omitempty"` // line of business
	Websites    []string `json:"websites,omitzero"`
}

// ProfileUpdate is the argument of [IntegrationsService.UpdateProfile]. Fields that are nil stay as
// they are. The remarks are the documented limits.
type ProfileUpdate struct {
	About       *string  `json:"about,omitempty"`       // 139 characters
	Address     *string  `json:"address,omitempty"`     // 256 characters
	Description *string  `json:"description,omitempty"` // 256 characters
	Email       *string  `json:"email,omitempty"`       // 128 characters
	PhotoURL    *string  `json:"photoUrl,omitempty"`    // 640x640 pixels and 63 KB are recommended
	Vertical    *string  `json:"vertical,omitempty"`    // 128 characters
	Websites    []string `json:"websites,omitzero"`     // two, of 256 characters each
}

// ProfilePhoto is the result of [IntegrationsService.UploadProfilePhoto].
type ProfilePhoto struct {
	PhotoURL string `json:"photoUrl"`
}

// MessageTemplate is a message template that is registered with WhatsApp. Only messages that use
// one reach a user who has not written for 24 hours.
type MessageTemplate struct {
	ID         string          `json:"id,omitempty"`
	Name       string          `json:"name"`
	Language   string          `json:"language,omitempty"`   // such as "en_US"
	Category   string          `json:"category,omitempty"`   // such as "ALERT_UPDATE"
	Status     string          `json:"status,omitempty"`     // "PENDING" after creation
	Components json.RawMessage `json:"components,omitempty"` // a JSON array, as WhatsApp defines it
}

// MessageTemplateCreate is the argument of [IntegrationsService.CreateMessageTemplate].
type MessageTemplateCreate struct {
	Name     string `json:"name"`     // required
	Language string `json:"language"` // required, such as "en_US"
	Category string `json:"category"` // required, such as "ALERT_UPDATE"

	// required: a JSON array, as WhatsApp defines it, such as [{"type":"BODY","text":"..."}]
	Components json.RawMessage `json:"components"`
}

// MessageTemplateListOptions selects message templates for
// [IntegrationsService.ListMessageTemplates].
type MessageTemplateListOptions struct {
	Name   string `url:"name,omitempty"`   // only this template, in all languages
	Limit  int    `url:"limit,omitempty"`  // page size
	Before string `url:"before,omitempty"` // opaque cursor: the page before it
	After  string `url:"after,omitempty"`  // opaque cursor: the page after it
}
