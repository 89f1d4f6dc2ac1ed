package smoochtest

var stripeRoutes = []route{
	{"POST", "/appusers/{userId}/stripe/customer", inApp, v1AndV11, forUserJWT, updateStripeCustomer},
	{"POST", "/appusers/{userId}/stripe/transaction", inApp, v1AndV11, forUser, createStripeTransaction},
	{"GET", "/stripe/account", inApp, v1AndV11, forUser, getStripeAccount},
}

func updateStripeCustomer(c *call) *reply {
	if refusal := c.require("token"); refusal != nil {
		return refusal
	}
	return ok(object{})
}

func createStripeTransaction(c *call) *reply {
	if refusal := c.require("actionId"); refusal != nil {
		return refusal
	}
	action, message := actionByID(c, "buy")
	if action == nil {
		return notFound("Action")
	}
	action["state"] = "paid"
	at := c.server.clock.unique()
	emit(c.app, event{trigger: "payment:success", user: c.user, fields: func(string) object {
		return object{"timestamp": unixTime(at), "payments": []object{{
			"source": object{"type": "api"}, "message": message,
			"action": action, "charge": object{"id": "ch_" + randomHex(16)},
		}}}
	}})
	return ok(object{})
}

func getStripeAccount(c *call) *reply {
	return ok(object{"account": object{"id": "acct_" + c.app.id, "livemode": false}})
}
