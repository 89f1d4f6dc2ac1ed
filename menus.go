package smooch

import "context"

// Menu is a persistent menu, which Messenger and WeChat show. The documented limits are three items
// at the first level, five in a submenu, and three levels on Messenger, two on WeChat.
type Menu struct {
	Items    []MenuItem    `json:"items"` // required, may be empty
	Settings *MenuSettings `json:"settings,omitempty"`
	Name     string        `json:"name,omitempty"` // early v1 only
}

// MenuSettings are the settings of a menu.
type MenuSettings struct {
	// InputEnabled says whether the user can also write messages; nil means the service's default,
	// true. Only Messenger supports it.
	InputEnabled *bool `json:"inputEnabled,omitempty"`
}

// MenuItemType is the kind of a menu item. The set is open.
type MenuItemType string

// The kinds of menu items.
const (
	MenuItemTypeLink     MenuItemType = "link"     // opens URI
	MenuItemTypePostback MenuItemType = "postback" // is reported as a [PostbackEvent] with Payload
	MenuItemTypeSubmenu  MenuItemType = "submenu"  // opens Items
)

// MenuItem is an entry of a menu.
type MenuItem struct {
	ID      string       `json:"_id,omitempty"`     // received only
	Type    MenuItemType `json:"type"`              // required
	Text    string       `json:"text"`              // required: the label
	URI     string       `json:"uri,omitempty"`     // required for a link
	Payload string       `json:"payload,omitempty"` // required for a postback
	Items   []MenuItem   `json:"items,omitzero"`    // required for a submenu
}

// MenuService manages the persistent menu of an app. An integration can have a menu of its own,
// which replaces the app's menu there: see [IntegrationsService.UpdateMenu].
type MenuService struct{ c *Client }

// Get returns the app's menu. It fails with [ErrForbidden] if the credential is that of a user, or
// an OAuth access token.
//
//	GET /menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/MenuApi.md
func (s *MenuService) Get(ctx context.Context, opts ...CallOption) (*Menu, error) {
	return one[Menu](ctx, s.c, opMenuGet.with(), opts)
}

// Update replaces the app's menu and returns the new one. It fails with [ErrBadRequest] if the
// service refuses the menu, for example because it has too many items.
//
//	PUT /menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/MenuApi.md
func (s *MenuService) Update(ctx context.Context, menu Menu, opts ...CallOption) (*Menu, error) {
	return one[Menu](ctx, s.c, opMenuUpdate.with().json(menu.withItems()), opts)
}

// Delete removes the app's menu. It fails with [ErrForbidden] if the credential is that of a user,
// or an OAuth access token.
//
//	DELETE /menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/MenuApi.md
func (s *MenuService) Delete(ctx context.Context, opts ...CallOption) error {
	return exec(ctx, s.c, opMenuDelete.with(), opts)
}

// withItems returns the menu with an empty list in place of nil items: the service requires the
// member.
func (m Menu) withItems() Menu {
	if m.Items == nil {
		m.Items = []MenuItem{}
	}
	return m
}
