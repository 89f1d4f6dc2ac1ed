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
	pay(c.app, c.user, nil, action, message)
	return ok(object{})
}

// pay notes that a user has paid with a buy button on a client, which may be nil.
func pay(a *app, u *user, client, action, message object) {
	action["state"] = "paid"
	if message != nil { // nil: the button is in a menu
		a.tellMessage(u, message)
	}
	at, charge := a.server.clock.unique(), "ch_"+a.server.random.hex(16)
	emit(a, event{trigger: "payment:success", user: u, client: client, fields: func(string) object {
		return object{"timestamp": unixTime(at), "payments": []object{{
			"source": channelSource(client), "message": message,
			"action": action, "charge": object{"id": charge},
		}}}
	}})
}

func getStripeAccount(c *call) *reply {
	return ok(object{"account": object{"id": "acct_" + c.app.id, "livemode": false}})
}
