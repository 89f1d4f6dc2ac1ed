package smooch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDeliveryReasons(t *testing.T) {
	t.Parallel()
	tests := map[string]DeliveryReason{
		`{"code":"uncategorized_error","underlyingError":{"errors":[{"code":470,"title":"x"}]}}`: DeliveryReasonOutsideWindow,
		`{"code":"uncategorized_error","underlyingError":{"errors":[{"code":"131047"}]}}`:        DeliveryReasonOutsideWindow,
		`{"code":"x","underlyingError":{"errors":[{"code":131050}]}}`:                            DeliveryReasonOptedOut,
		`{"code":"x","underlyingError":{"errors":[{"code":131056}]}}`:                            DeliveryReasonRateLimited,
		`{"code":"x","underlyingError":{"errors":[{"code":131026}]}}`:                            DeliveryReasonUnreachable,
		`{"code":"x","underlyingError":{"code":190,"message":"x"}}`:                              DeliveryReasonCredentials,
		`{"code":"x","underlyingError":{"error":{"code":102}}}`:                                  DeliveryReasonCredentials,
		`{"code":"x","underlyingError":{"status":21610}}`:                                        DeliveryReasonOptedOut,
		`{"code":"forbidden","underlyingError":{"ok":"false","error_code":403}}`:                 DeliveryReasonBlocked,
		`{"code":"x","underlyingError":{"ok":false,"error_code":"403"}}`:                         DeliveryReasonBlocked,
		`{"code":"x","underlyingError":{"ok":"false","error_code":401}}`:                         DeliveryReasonCredentials,
		`{"code":"x","underlyingError":{"ok":false,"error_code":429}}`:                           DeliveryReasonRateLimited,
		`{"code":"x","underlyingError":{"status":429}}`:                                          DeliveryReasonUnknown,
		`{"code":"unauthorized","underlyingError":{"message":"x"}}`:                              DeliveryReasonCredentials,
		`{"code":"forbidden"}`:   DeliveryReasonBlocked,
		`{"code":"blocked"}`:     DeliveryReasonOutsideWindow,
		`{"code":"bad_request"}`: DeliveryReasonOutsideWindow,
		`{"code":"bad_request","underlyingError":{"message":"(#100) No matching user found","code":100}}`: DeliveryReasonUnreachable,
		`{"code":"uncategorized_error"}`:                                           DeliveryReasonUnknown,
		`{"code":"x","underlyingError":"text"}`:                                    DeliveryReasonUnknown,
		`{"code":"x","underlyingError":{ "code" : " 470 " }}`:                      DeliveryReasonOutsideWindow,
		`{"code":"x","underlyingError":{"c\u006fde":470}}`:                         DeliveryReasonOutsideWindow,
		`{"code":"x","underlyingError":{"code":470,"code":1}}`:                     DeliveryReasonUnknown,
		`{"code":"x","underlyingError":{"Code":470,"":{"code":470}}}`:              DeliveryReasonUnknown,
		`{"code":"x","underlyingError":{"code":[470],"status":{"code":470}}}`:      DeliveryReasonUnknown,
		`{"code":"x","underlyingError":{"message":["No matching user found"]}}`:    DeliveryReasonUnknown,
		`{"underlyingError":{"error":{"errors":[{"error":{"code":470}}]}}}`:        DeliveryReasonOutsideWindow,
		`{"underlyingError":{"error":{"error":{"error":{"error":{"code":470}}}}}}`: DeliveryReasonUnknown,
		`{"code":"x","underlyingError":[1,{"code":470}]}`:                          DeliveryReasonOutsideWindow,
		`{"underlyingError":{"error":{"error":{"error":{"a":1}}}}}`:                DeliveryReasonUnknown,
		`{}`: DeliveryReasonUnknown,
	}
	for failure, want := range tests {
		t.Run(failure, func(t *testing.T) {
			t.Parallel()
			for _, trigger := range []Trigger{
				TriggerDeliveryFailure, TriggerMessageDeliveryFailure,
				TriggerNotificationDeliveryFailure, TriggerNotificationMatchFailure,
			} {
				body := fmt.Sprintf(`{"trigger":%q,"error":%s}`, trigger, failure)
				assert.Equal(t, want, deliveryReason(t, body), trigger)
			}
		})
	}
}

func TestDeliveryWithoutErrorHasNoReason(t *testing.T) {
	t.Parallel()
	assert.Empty(t, deliveryReason(t, `{"trigger":"message:delivery:channel"}`))
	assert.Empty(t, deliveryReason(t, `{"trigger":"notification:delivery:channel"}`))
}

// deliveryReason returns the reason that the event of a delivery's body has.
func deliveryReason(t *testing.T, body string) DeliveryReason {
	t.Helper()
	switch event := parseEvent(t, body).(type) {
	case *DeliveryEvent:
		return event.Reason
	case *NotificationEvent:
		return event.Reason
	default:
		t.Fatalf("%T has no reason: %s", event, body)
		return ""
	}
}
