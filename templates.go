package smooch

import (
	"context"
	"iter"
)

// Template is a message that is stored under a name and posted by that name, see
// [TemplateShorthand]. The templates that WhatsApp requires are something else: [MessageTemplate].
type Template struct {
	ID      string   `json:"_id"`
	Name    string   `json:"name,omitempty"`
	Message *Message `json:"message,omitempty"` // without id, author and time
}

// TemplateCreate is the argument of [TemplatesService.Create].
type TemplateCreate struct {
	Name    string      `json:"name"`    // required
	Message MessagePost `json:"message"` // required; its default role is RoleAppMaker
}

// TemplateUpdate is the argument of [TemplatesService.Update]. At least one field must be set.
// Fields that are nil stay as they are.
type TemplateUpdate struct {
	Name    *string      `json:"name,omitempty"`
	Message *MessagePost `json:"message,omitempty"`
}

// TemplateListOptions selects templates for [TemplatesService.List] and [TemplatesService.All].
type TemplateListOptions struct {
	Limit  int `url:"limit,omitempty"`  // page size; the service's default is 25, its maximum 100
	Offset int `url:"offset,omitempty"` // how many templates to skip
}

// TemplatesService manages the templates of an app.
type TemplatesService struct{ c *Client }

// Create creates a template and returns it with its id. It fails with [ErrBadRequest] if the
// service refuses the message. After [ErrOutcomeUnknown], list the templates and look for the name
// before you try again.
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

// List returns one page of the app's templates. It fails with [ErrForbidden] if the credential is
// that of a user, or an OAuth access token.
//
//	GET /templates
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/TemplateApi.md
func (s *TemplatesService) List(ctx context.Context, options TemplateListOptions, opts ...CallOption) (*Page[Template], error) {
	return page[Template](ctx, s.c, opTemplatesList.with().query(options), opts)
}

// All returns an iterator over the app's templates, from options.Offset on. It fetches one page at
// a time. An error ends the iteration and is yielded last, with a nil template; it is
// [ErrForbidden] if the credential is that of a user, or an OAuth access token. Templates that are
// created or deleted meanwhile shift the pages, so one may come twice or not at all.
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

// Get returns one template. It fails with [ErrNotFound] if the app has no such template.
//
//	GET /templates/{templateId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/TemplateApi.md
func (s *TemplatesService) Get(ctx context.Context, templateID string, opts ...CallOption) (*Template, error) {
	return one[Template](ctx, s.c, opTemplatesGet.with(templateID), opts)
}

// Update changes the name or the message of a template, or both, and returns the template. It fails
// with [ErrNotFound] if the app has no such template, and with [ErrBadRequest] if the service
// refuses the message.
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

// Delete deletes a template. It fails with [ErrNotFound] if the app has no such template.
//
//	DELETE /templates/{templateId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/TemplateApi.md
func (s *TemplatesService) Delete(ctx context.Context, templateID string, opts ...CallOption) error {
	return exec(ctx, s.c, opTemplatesDelete.with(templateID), opts)
}
