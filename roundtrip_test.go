package smooch

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/smooch/smooch-go/internal/lenient"
)

// received has the type of the payloads in each folder of testdata/v1 and testdata/v1.1.
var received = map[string]any{
	"app": App{}, "key": Key{}, "serviceaccount": ServiceAccount{}, "webhook": Webhook{}, "init": InitResponse{}, "appuser": AppUser{},
	"event": EventResult{}, "conversation": Conversation{}, "posted": MessageResponse{}, "history": MessagePage{}, "message": Message{},
	"channel": []ChannelEntity{}, "businesssystem": []BusinessSystem{}, "linkrequest": []LinkRequest{}, "transferrequest": []TransferRequest{},
	"sdkids": SDKIDs{}, "attachment": Attachment{}, "menu": Menu{}, "template": Template{}, "messagetemplate": MessageTemplate{},
	"profile": Profile{}, "notification": NotificationResponse{}, "deployment": Deployment{}, "integration": Integration{},
}

// TestRoundTrip: a payload that is decoded and encoded again has lost nothing.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/v1*/*/*.json")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, file := range files {
		kind := filepath.Base(filepath.Dir(file))
		sample, known := received[kind]
		require.True(t, known, "no type for %s", file)
		seen[kind] = true
		t.Run(strings.TrimPrefix(file, "testdata/"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			v := reflect.New(reflect.TypeOf(sample))
			require.NoError(t, lenient.Unmarshal(data, v.Interface()))
			encoded, err := lenient.Marshal(v.Interface())
			require.NoError(t, err)
			assertSameJSON(t, data, encoded)
		})
	}
	for kind := range received {
		assert.True(t, seen[kind], "no payload for %s", kind)
	}
}

// TestEventsRoundTrip: nor has an event, although only its exported fields are encoded.
func TestEventsRoundTrip(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/webhooks/*/*.json")
	require.NoError(t, err)
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, "testdata/"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			event, err := ParseEvent(data)
			require.NoError(t, err)
			unknown := strings.HasPrefix(filepath.Base(file), "unknown") || strings.HasPrefix(filepath.Base(file), "passthrough")
			_, isUnknown := event.(*UnknownEvent)
			assert.Equal(t, unknown, isUnknown, "%T", event)
			assert.Equal(t, Version(filepath.Base(filepath.Dir(file))), event.Header().Version)
			assert.JSONEq(t, string(data), string(event.RawJSON()))

			assert.Nil(t, event.Header().Malformed)
			if unknown { // it has fields for its header only
				encoded, err := lenient.Marshal(event)
				require.NoError(t, err)
				assert.JSONEq(t, string(data), string(encoded))
				return
			}

			copied := copyExported(reflect.ValueOf(event).Elem()).Addr().Interface().(Event)
			assert.Nil(t, copied.RawJSON(), "the copy has no kept bytes")
			encoded, err := lenient.Marshal(copied)
			require.NoError(t, err)
			assertSameJSON(t, data, encoded)
		})
	}
}

// copyExported copies the exported fields of a struct, as another package could.
func copyExported(from reflect.Value) reflect.Value {
	to := reflect.New(from.Type()).Elem()
	for i := range from.NumField() {
		switch field := from.Type().Field(i); {
		case field.Type == reflect.TypeFor[EventHeader]():
			to.Field(i).Set(copyExported(from.Field(i)))
		case field.IsExported():
			to.Field(i).Set(from.Field(i))
		}
	}
	return to
}

// assertSameJSON compares values. null and "" count as absent, [] in place of an object as {}.
func assertSameJSON(t *testing.T, want, got []byte) {
	t.Helper()
	var a, b any
	require.NoError(t, lenient.UnmarshalStrict(want, &a))
	require.NoError(t, lenient.UnmarshalStrict(got, &b))
	for _, difference := range differences("$", a, b) {
		t.Error(difference)
	}
}

func differences(path string, want, got any) []string {
	if isAbsent(want) && isAbsent(got) {
		return nil
	}
	switch want := want.(type) {
	case map[string]any:
		return objectDifferences(path, want, got)
	case []any:
		if object, ok := got.(map[string]any); ok && len(want) == 0 && len(object) == 0 {
			return nil
		}
		items, ok := got.([]any)
		if !ok || len(items) != len(want) {
			return []string{fmt.Sprintf("%s: want %v, got %v", path, want, got)}
		}
		var found []string
		for i := range want {
			found = append(found, differences(fmt.Sprintf("%s[%d]", path, i), want[i], items[i])...)
		}
		return found
	case json.Number:
		if number, ok := got.(json.Number); ok && rational(want).Cmp(rational(number)) == 0 {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: want %v, got %v", path, want, got)}
}

func objectDifferences(path string, want map[string]any, got any) []string {
	object, ok := got.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: want an object, got %v", path, got)}
	}
	var found []string
	for name := range want {
		found = append(found, differences(path+"."+name, want[name], object[name])...)
	}
	for name := range object {
		if _, known := want[name]; !known {
			found = append(found, fmt.Sprintf("%s.%s: not there before", path, name))
		}
	}
	return found
}

func isAbsent(v any) bool { return v == nil || v == "" }

func rational(n json.Number) *big.Rat {
	r, _ := new(big.Rat).SetString(string(n))
	return r
}
