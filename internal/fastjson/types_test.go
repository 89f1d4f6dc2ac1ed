//go:build !smooch_slowjson

package fastjson_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/smooch/smooch-go/internal/fastjson"
	"github.com/smooch/smooch-go/internal/lenient"
)

type kind string

// a whole holds a field of each type that a Table decodes, and of some on which it gives up.
type whole struct {
	Text     string            `json:"text"`
	Kind     kind              `json:"kind,omitempty"`
	On       bool              `json:"on"`
	Perhaps  *bool             `json:"perhaps,omitzero"`
	Name     *string           `json:"name"`
	Count    int               `json:"count"`
	Small    int8              `json:"small"`
	Size     *int64            `json:"size"`
	Ratio    float64           `json:"ratio"`
	Any      any               `json:"any"`
	Free     map[string]any    `json:"free"`
	Texts    map[kind]string   `json:"texts"`
	Parts    map[string]*whole `json:"parts"`
	Raw      json.RawMessage   `json:"raw"`
	Raws     []json.RawMessage `json:"raws"`
	List     []whole           `json:"list"`
	Pointers []*whole          `json:"pointers"`
	Names    []kind            `json:"names"`
	Anys     []any             `json:"anys"`
	Lists    [][]string        `json:"lists"`
	Self     *whole            `json:"self"`
	At       stamp             `json:"at"`
	Until    *stamp            `json:"until"`
	Does     action            `json:"does"`
	Done     []action          `json:"done"`
	Ignored  string            `json:"-"`
	Untagged string
	hidden   string //nolint:unused // not to be decoded
	embedded

	Foreign time.Time   `json:"foreign"`
	Host    host        `json:"host"`
	Loud    loud        `json:"loud"`
	Number  json.Number `json:"number"`
	Bytes   []byte      `json:"bytes"`
	Uint    uint8       `json:"uint"`
	Array   [2]int      `json:"array"`
	Quoted  int         `json:"quoted,string"`
}

// embedded is unexported, as the fields of DeliveryEvent are.
type embedded struct {
	Deep  string `json:"deep"`
	Inner struct {
		Key string `json:"sk"`
	} `json:"inner"`
}

// stamp decodes itself: a number becomes itself, anything else 0.
type stamp struct{ Value float64 }

func (s *stamp) UnmarshalJSON(data []byte) error {
	if s.Value = 0; json.Unmarshal(data, &s.Value) != nil {
		s.Value = 0
	}
	return nil
}

// action decodes itself like a struct, and notes whether it got an empty type.
type action struct {
	Type  string         `json:"type"`
	Extra map[string]any `json:"extra"`
	empty bool
}

type plainAction action

func (a *action) UnmarshalJSON(data []byte) error {
	var plain plainAction
	if err := lenient.Unmarshal(data, &plain); err != nil {
		return err
	}
	var text *string
	_ = lenient.Members{"type": &text}.Unmarshal(data)
	plain.empty = text != nil && *text == ""
	*a = action(plain)
	return nil
}

// host is decoded from text.
type host struct{ name string }

func (h *host) UnmarshalText(text []byte) error { h.name = string(text); return nil }

// loud decodes itself, null like anything else.
type loud string

func (l *loud) UnmarshalJSON(data []byte) error { *l = loud("<" + string(data) + ">"); return nil }

var table = fastjson.NewTable(
	fastjson.With(func(s *stamp, data []byte) bool { return s.UnmarshalJSON(data) == nil }),
	fastjson.Noting("type", func(a *action) { a.empty = a.Type == "" }),
)

// both decodes data into a T in both ways. It returns whether the Table did it, and in which way
// that was wrong, if in any.
func both[T any](data []byte) (fast bool, wrong string) {
	var got, want T
	original := string(data)
	fast = table.Unmarshal(data, &got)
	err := lenient.Unmarshal([]byte(original), &want)
	switch {
	case string(data) != original:
		return fast, "it changed the data"
	case !fast && !reflect.ValueOf(&got).Elem().IsZero():
		return fast, fmt.Sprintf("it gave up and left %.300q", fmt.Sprint(got))
	case fast && err != nil:
		return fast, fmt.Sprintf("it accepted what is refused: %v", err)
	case fast:
		for i := range data {
			data[i] = 'x' // what is decoded must not share it
		}
		if !reflect.DeepEqual(want, got) {
			wrong = difference(reflect.ValueOf(&want).Elem(), reflect.ValueOf(&got).Elem())
		}
		copy(data, original)
	}
	return fast, wrong
}

// difference says where two values first differ.
func difference(want, got reflect.Value) string {
	if want.Kind() == reflect.Struct {
		for i := range want.NumField() {
			if name := want.Type().Field(i).Name; !want.Type().Field(i).IsExported() {
				continue
			} else if !reflect.DeepEqual(want.Field(i).Interface(), got.Field(i).Interface()) {
				return name + difference(want.Field(i), got.Field(i))
			}
		}
	}
	return fmt.Sprintf(": want %.300q, got %.300q", fmt.Sprintf("%#v", want), fmt.Sprintf("%#v", got))
}
