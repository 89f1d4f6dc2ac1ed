package smooch

import (
	"context"
	"encoding/json"
)

// stripeTransaction is the body of CreateTransaction.
type stripeTransaction struct {
	ActionID string `json:"actionId"`
	Token    string `json:"token,omitempty"`
}

// StripeService takes payments through the Stripe account that is linked to the app.
type StripeService struct{ c *Client }

// UpdateCustomer saves a user's payment method. It fails with [ErrNotFound] if there is no such
// user. token is a Stripe token. It works only once, so after [ErrOutcomeUnknown] you may need a
// new one to try again.
//
//	POST /appusers/{userId}/stripe/customer
//
// Scope: appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.stripe.updateCustomer".
func (s *StripeService) UpdateCustomer(ctx context.Context, userID, token string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersStripeUpdateCustomer.with(userID).json(map[string]string{"token": token}), opts)
}

// CreateTransaction charges a user for the buy action with the id actionID. token is a Stripe
// token; if it is empty, the saved payment method is charged. It fails with [ErrNotFound] if there
// is no such user or action. The call moves money, so after [ErrOutcomeUnknown] check the State of
// the [Action], "offered" or "paid", before you try again.
//
//	POST /appusers/{userId}/stripe/transaction
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "appUsers.stripe.createTransaction".
func (s *StripeService) CreateTransaction(ctx context.Context, userID, actionID, token string, opts ...CallOption) error {
	return exec(ctx, s.c, opAppUsersStripeCreateTransaction.with(userID).json(stripeTransaction{actionID, token}), opts)
}

// Account returns the Stripe account that is linked to the app, as a JSON object. Its members are
// not documented. If no account is linked, expect [ErrNotFound], which the documentation does not
// promise.
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
