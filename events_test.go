package smooch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

// parseEvent returns the event of a delivery's body.
func parseEvent(t *testing.T, body string) Event {
	t.Helper()
	event, err := ParseEvent([]byte(body))
	require.NoError(t, err, body)
	return event
}

func TestUpgradeTriggers(t *testing.T) {
	t.Parallel()
	v1 := []Trigger{
		TriggerMessage, TriggerMessageAppUser, TriggerDeliverySuccess, TriggerDeliveryFailure,
		TriggerPostback,
	}
	v11 := []Trigger{
		TriggerMessageAppUser, TriggerMessageAppMaker, TriggerMessageDeliveryChannel,
		TriggerMessageDeliveryFailure, TriggerPostback,
	}
	assert.Equal(t, v11, UpgradeTriggers(v1))
}

func TestFailed(t *testing.T) {
	t.Parallel()
	tests := map[Trigger]bool{
		TriggerDeliverySuccess:             false,
		TriggerDeliveryFailure:             true,
		TriggerMessageDeliveryChannel:      false,
		TriggerMessageDeliveryUser:         false,
		TriggerMessageDeliveryFailure:      true,
		TriggerNotificationDeliveryChannel: false,
		TriggerNotificationDeliveryUser:    false,
		TriggerNotificationDeliveryFailure: true,
		TriggerNotificationMatchFailure:    true,
	}
	for trigger, want := range tests {
		t.Run(string(trigger), func(t *testing.T) {
			t.Parallel()
			event := parseEvent(t, `{"trigger":"`+string(trigger)+`"}`)
			failer, ok := event.(interface{ Failed() bool })
			require.True(t, ok, "%T", event)
			assert.Equal(t, want, failer.Failed())
		})
	}
}

func TestUnknownEventWithoutRawJSONEncodesItsHeader(t *testing.T) {
	t.Parallel()
	event := &UnknownEvent{EventHeader: EventHeader{Trigger: "poll:closed"}}
	encoded, err := lenient.Marshal(event)
	require.NoError(t, err)
	assert.Equal(t, `{"trigger":"poll:closed"}`, string(encoded))
}
