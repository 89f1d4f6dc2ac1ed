package smooch

import (
	"context"
	"iter"
)

// Template is a message that is posted by its name, see [TemplateShorthand]. WhatsApp's own
// templates are [MessageTemplate].
type Template struct {
	ID      string   `json:"_id"`
	Name    string   `json:"name,omitempty"`
	Message *Message `json:"message,omitempty"` // without id, author and time
}

// TemplateCreate is the argument of [TemplatesService.Create].
type TemplateCreate struct {
	Name    string      `json:"name"`    // required
	Message MessagePost `json:"message"` // required, normally of role appMaker, which is filled in
}

// TemplateUpdate is the argument of [TemplatesService.Update]. nil leaves a field as it is.
type TemplateUpdate struct {
	Name    *string      `json:"name,omitempty"`
	Message *MessagePost `json:"message,omitempty"`
}

// TemplateListOptions choose a page of templates.
type TemplateListOptions struct {
	Limit  int `url:"limit,omitempty"`  // templates on a page; the service's default is 25, its maximum 100
	Offset int `url:"offset,omitempty"` // templates to skip
}

// TemplatesService manages the templates of an app.
type TemplatesService struct{ c *Client }

// Create makes a template. After [ErrOutcomeUnknown] list the templates before trying again.
//
//	POST /templates
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/TemplateApi.md
func (s *TemplatesService) Create(ctx context.Context, template TemplateCreate, opts ...CallOption) (*Template, error) {
	template.Message = template.Message.withDefaults(V1_1, RoleAppMaker)
	return one[Template](ctx, s.c, opTemplatesCreate.with().json(template), opts)
}

// List gives one page of templates, 25 unless options say otherwise.
//
//	GET /templates
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/TemplateApi.md
func (s *TemplatesService) List(ctx context.Context, options TemplateListOptions, opts ...CallOption) (*Page[Template], error) {
	return page[Template](ctx, s.c, opTemplatesList.with().query(options), opts)
}

// All walks the templates from options.Offset on, asking for a page when the last is used up.
// An error is yielded once, last. What is created or deleted meanwhile shifts the pages.
//
//	GET /templates
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/TemplateApi.md
func (s *TemplatesService) All(ctx context.Context, options TemplateListOptions, opts ...CallOption) iter.Seq2[*Template, error] {
	return pages(func(offset int) (*Page[Template], error) {
		options := options
		options.Offset = offset
		return s.List(ctx, options, opts...)
	}, options.Offset)
}

// Get gives one template. It fails with [ErrNotFound] if the app has no such template.
//
//	GET /templates/{templateId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/TemplateApi.md
func (s *TemplatesService) Get(ctx context.Context, templateID string, opts ...CallOption) (*Template, error) {
	return one[Template](ctx, s.c, opTemplatesGet.with(templateID), opts)
}

// Update changes name or message of a template, or both.
//
//	PUT /templates/{templateId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/TemplateApi.md
func (s *TemplatesService) Update(ctx context.Context, templateID string, update TemplateUpdate, opts ...CallOption) (*Template, error) {
	if update.Message != nil {
		message := update.Message.withDefaults(V1_1, RoleAppMaker)
		update.Message = &message
	}
	return one[Template](ctx, s.c, opTemplatesUpdate.with(templateID).json(update), opts)
}

// Delete removes a template.
//
//	DELETE /templates/{templateId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/TemplateApi.md
func (s *TemplatesService) Delete(ctx context.Context, templateID string, opts ...CallOption) error {
	return exec(ctx, s.c, opTemplatesDelete.with(templateID), opts)
}
