package smoochtest

var notificationRoutes = []route{
	{"POST", "/notifications", inApp, v1AndV11, forApp, postNotification},
}

func postNotification(c *call) *reply {
	destination, _ := c.body["destination"].(object)
	author, _ := c.body["author"].(object)
	message, given := c.body["message"].(object)
	switch {
	case destination["integrationId"] == nil || destination["destinationId"] == nil:
		return badRequest("destination needs integrationId and destinationId")
	case author["role"] != "appMaker":
		return badRequest("author.role must be appMaker")
	case !given:
		return badRequest("message is required")
	}
	if c.body["messageSchema"] != "whatsapp" {
		kind, _ := message["type"].(string)
		if refusal := checkContent(message, kind); refusal != nil {
			return refusal
		}
	}
	id, at := newID(), c.server.clock.unique()
	emit(c.app, event{trigger: "notification:delivery:channel", fields: func(string) object {
		return object{
			"notification": object{"_id": id}, "destination": destination,
			"isFinalEvent": true, "timestamp": unixTime(at),
		}
	}})
	return created(object{"notification": object{"_id": id}})
}
