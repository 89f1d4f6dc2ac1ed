package smoochtest

var notificationRoutes = []route{
	{"POST", "/notifications", inApp, v1AndV11, forApp, postNotification},
}

// postNotification sends a message to someone on a channel who need not be a user yet: the service
// finds the user by the channel's own id, or creates one.
func postNotification(c *call) *reply {
	integration, externalID, refusal := checkNotification(c)
	if refusal != nil {
		return refusal
	}
	integrationID := integration["_id"].(string)
	u := c.app.userOnChannel(integrationID, externalID)
	if u == nil {
		u = newUser(c.app, "")
		platform, _ := integration["type"].(string)
		addClient(c.app, u, newClient(c.server.random, platform, integration, externalID))
	}
	u.startConversation(c.server.random)
	id, at := c.server.random.uuid(), c.server.clock.unique()
	client := u.clientOn(integrationID)
	failure := deliveryFailure(client)
	e := event{trigger: "notification:delivery:channel"}
	if failure != nil {
		e.trigger = "notification:delivery:failure"
	}
	e.fields = func(version string) object {
		o := object{
			"notification": object{"_id": id}, "isFinalEvent": true, "timestamp": unixTime(at),
			"destination": object{"integrationId": integrationID, "destinationId": externalID},
		}
		if failure != nil {
			o["error"] = failure
		} else {
			o["matchResult"] = object{
				"appUser": u.truncated(version), "conversation": object{"_id": u.conversation.id},
			}
		}
		return o
	}
	emit(c.app, e)
	return created(object{"notification": object{"_id": id}})
}

// checkNotification refuses a notification that the service refuses. It returns where it goes.
func checkNotification(c *call) (integration object, externalID string, refusal *reply) {
	destination := part{"destination", c.body["destination"]}
	id, _ := destination.object()["integrationId"].(string)
	externalID, _ = destination.object()["destinationId"].(string)
	author := part{"author", c.body["author"]}
	message := part{"message", c.body["message"]}
	kind, _ := message.object()["type"].(string)
	switch {
	case id == "":
		return nil, "", destination.refuse("integrationId", "is required")
	case externalID == "":
		return nil, "", destination.refuse("destinationId", "is required")
	case author.object()["role"] != "appMaker":
		return nil, "", author.refuse("role", "must be appMaker")
	case message.object() == nil:
		return nil, "", message.refuse("", "is required")
	case c.body["messageSchema"] == "whatsapp":
	case c.body["messageSchema"] != nil:
		return nil, "", badRequest("messageSchema must be whatsapp")
	case kind == "" && c.version == "v1.1":
		return nil, "", message.refuse("type", "is required")
	default:
		if refusal := checkContent(message, kind); refusal != nil {
			return nil, "", refusal
		}
	}
	if refusal := requireFlat(c.body, "metadata"); refusal != nil {
		return nil, "", refusal
	}
	if integration = byID(c.app.integrations, id); integration == nil {
		return nil, "", notFound("Integration")
	}
	return integration, externalID, nil
}
