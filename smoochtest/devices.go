package smoochtest

var deviceRoutes = []route{
	{"POST", "/init", inApp, v1Only, forUser, initDevice},
	{"PUT", "/appusers/{userId}/devices/{deviceId}", inApp, v1Only, forUser, updateDevice},
	{"POST", "/appusers/{userId}/pushToken", inApp, v1Only, forUser, updatePushToken},
}

func initDevice(c *call) *reply {
	device, _ := c.body["device"].(object)
	id, _ := device["id"].(string)
	platform, _ := device["platform"].(string)
	if id == "" {
		return badRequest("device.id is required")
	}
	if !isSDK(device) {
		return badRequest("device.platform must be ios, android, web or other")
	}
	if refusal := requireFlatPart(part{"device", device}, "info"); refusal != nil {
		return refusal
	}
	userID := c.text("userId")
	if c.cred.scope == scopeAppUser {
		if userID != "" && userID != c.cred.userID {
			return forbidden()
		}
		userID = c.cred.userID
	}
	u := userOfDevice(c.app, userID, id)
	if u.credentialRequired && c.cred.scope == scopeAppToken {
		return unauthorized()
	}
	u.credentialRequired = u.credentialRequired || c.cred.scope == scopeAppUser
	client := u.client(id)
	if client == nil {
		client = newClient(c.server.random, platform, c.app.integrationOn(platform), "")
		client["id"] = id
		mergeDevice(client, device, "pushNotificationToken", "appVersion")
		addClient(c.app, u, client)
	}
	mergeDevice(client, device, "platform", "pushNotificationToken", "appVersion")
	u.use(client, c.server.clock.now())
	return ok(object{
		"app":     object{"hasIcon": false, "apnEnabled": false},
		"appUser": u.full(c.version),
	})
}

// userOfDevice finds a user by userId, or by the device if there is no userId. It creates the user
// if there is none.
func userOfDevice(a *app, userID, deviceID string) *user {
	if userID != "" {
		if u := a.user(userID); u != nil {
			return u
		}
		return newUser(a, userID)
	}
	for _, u := range a.users.all {
		if u.userID() == "" && u.client(deviceID) != nil {
			return u
		}
	}
	return newUser(a, "")
}

// mergeDevice sets those of the named fields of a client that a device has sent, and merges info.
func mergeDevice(client, device object, names ...string) {
	merge(client, device, names...)
	if info, given := device["info"].(object); given {
		old, _ := client["info"].(object)
		client["info"] = union(old, info)
	}
}

func updateDevice(c *call) *reply {
	if refusal := requireFlat(c.body, "info"); refusal != nil {
		return refusal
	}
	client := c.user.client(c.params["deviceId"])
	if client == nil {
		return notFound("Device")
	}
	mergeDevice(client, c.body, "pushNotificationToken", "appVersion")
	return ok(object{"device": clientOn(c.version, client)})
}

func updatePushToken(c *call) *reply {
	if refusal := c.require("deviceId", "token"); refusal != nil {
		return refusal
	}
	client := c.user.client(c.text("deviceId"))
	if client == nil {
		return notFound("Device")
	}
	client["pushNotificationToken"] = c.text("token")
	return ok(object{})
}
