package smooch

import "context"

// Menu is a persistent menu, shown on Messenger and WeChat.
type Menu struct {
	Items    []MenuItem    `json:"items"` // required, may be empty
	Settings *MenuSettings `json:"settings,omitempty"`
	Name     string        `json:"name,omitempty"` // early v1
}

// MenuSettings are settings of a menu.
type MenuSettings struct {
	InputEnabled bool `json:"inputEnabled"` // whether the user can also write; Messenger only, the service's default is true
}

// MenuItemType is the kind of a menu item. The set is open.
type MenuItemType string

// The kinds of menu items.
const (
	MenuItemTypeLink     MenuItemType = "link"
	MenuItemTypePostback MenuItemType = "postback"
	MenuItemTypeSubmenu  MenuItemType = "submenu"
)

// MenuItem is an entry of a menu.
type MenuItem struct {
	ID      string       `json:"_id,omitempty"` // received only
	Type    MenuItemType `json:"type"`
	Text    string       `json:"text"`
	URI     string       `json:"uri,omitempty"`     // link
	Payload string       `json:"payload,omitempty"` // postback
	Items   []MenuItem   `json:"items,omitzero"`    // submenu
}

// MenuService manages the persistent menu of an app. An integration can have its own
// instead, see [IntegrationsService.UpdateMenu].
type MenuService struct{ c *Client }

// Get gives the app's menu.
//
//	GET /menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/MenuApi.md
func (s *MenuService) Get(ctx context.Context, opts ...CallOption) (*Menu, error) {
	return one[Menu](ctx, s.c, opMenuGet.with(), opts)
}

// Update replaces the app's menu.
//
//	PUT /menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/MenuApi.md
func (s *MenuService) Update(ctx context.Context, menu Menu, opts ...CallOption) (*Menu, error) {
	return one[Menu](ctx, s.c, opMenuUpdate.with().json(menu.sent()), opts)
}

// Delete removes the app's menu.
//
//	DELETE /menu
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/MenuApi.md
func (s *MenuService) Delete(ctx context.Context, opts ...CallOption) error {
	return exec(ctx, s.c, opMenuDelete.with(), opts)
}

// sent is the menu with items even if there are none: the service requires the member.
func (m Menu) sent() Menu {
	if m.Items == nil {
		m.Items = []MenuItem{}
	}
	return m
}
