package smooch

import (
	"context"
	"encoding/json"
)

type stripeTransaction struct {
	ActionID string `json:"actionId"`
	Token    string `json:"token,omitempty"`
}

// StripeService takes payments over the Stripe account that is linked to the app.
type StripeService struct{ c *Client }

// UpdateCustomer saves a user's payment method, given by a Stripe token, which works once.
//
//	POST /appusers/{userId}/stripe/customer
//
// Scope: appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.stripe.updateCustomer".
func (s *StripeService) UpdateCustomer(ctx context.Context, userID, token string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersStripeUpdateCustomer.with(userID).json(map[string]string{"token": token}), opts)
}

// CreateTransaction pays the buy action with the id actionID, once, with a Stripe token, or
// with the saved payment method if token is empty. It moves money: after [ErrOutcomeUnknown] look at
// the action's state before trying again.
//
//	POST /appusers/{userId}/stripe/transaction
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.stripe.createTransaction".
func (s *StripeService) CreateTransaction(ctx context.Context, userID, actionID, token string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersStripeCreateTransaction.with(userID).json(stripeTransaction{actionID, token}), opts)
}

// Account gives the linked Stripe account, an object of a shape that is not documented.
//
//	GET /stripe/account
//
// Scope: app token, appUser, app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "stripe.getAccount".
func (s *StripeService) Account(ctx context.Context, opts ...CallOption) (json.RawMessage, error) {
	account, err := one[json.RawMessage](ctx, s.c, opStripeGetAccount.with(), opts)
	if err != nil {
		return nil, err
	}
	return *account, nil
}
