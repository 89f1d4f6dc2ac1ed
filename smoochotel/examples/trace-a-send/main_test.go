package main

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// TestTheTraceThatAViewerGets over OTLP/HTTP: all spans are in one trace, each has its parent.
func TestTheTraceThatAViewerGets(t *testing.T) {
	var mu sync.Mutex
	var got []*tracepb.Span
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/v1/traces", r.URL.Path)
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(body)
			if !assert.NoError(t, err) {
				return
			}
			body = unzipped
		}
		data, err := io.ReadAll(body)
		assert.NoError(t, err)
		var request coltrace.ExportTraceServiceRequest
		assert.NoError(t, proto.Unmarshal(data, &request))
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range request.GetResourceSpans() {
			assert.Equal(t, "trace-a-send", resource.GetResource().GetAttributes()[0].GetValue().GetStringValue())
			for _, scope := range resource.GetScopeSpans() {
				got = append(got, scope.GetSpans()...)
			}
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	output := filepath.Join(t.TempDir(), "trace.json")
	var printed strings.Builder
	require.NoError(t, run(t.Context(), &printed, output))

	names := map[string]string{}
	for _, s := range got {
		names[string(s.GetSpanId())] = s.GetName()
	}
	var lines []string
	for _, s := range got { // in the order of their ends
		assert.Equal(t, got[0].GetTraceId(), s.GetTraceId())
		assert.Equal(t, s.GetParentSpanId() == nil, s.GetName() == "answer ida")
		assert.Less(t, s.GetStartTimeUnixNano(), s.GetEndTimeUnixNano())
		lines = append(lines, s.GetName()+" in "+names[string(s.GetParentSpanId())]+" "+status(s))
	}
	assert.Equal(t, []string{
		"POST /appusers/{userId}/messages in messages.create 429",
		"POST /appusers/{userId}/messages in messages.create connection",
		"GET /appusers/{userId}/messages in messages.list 200",
		"messages.list in messages.create ",
		"messages.create in answer ida ",
		"answer ida in  ",
	}, lines)

	data, err := os.ReadFile(output)
	require.NoError(t, err)
	var kept []struct {
		Name        string
		SpanContext struct{ SpanID string }
		Parent      struct{ SpanID string }
	}
	require.NoError(t, json.Unmarshal(data, &kept))
	require.Len(t, kept, len(got))
	for i := range kept {
		assert.Equal(t, got[i].GetName(), kept[i].Name)
	}
	assert.Equal(t, kept[4].SpanContext.SpanID, kept[0].Parent.SpanID)
	assert.Equal(t, len(got), strings.Count(printed.String(), "\n"))
}

// status is the status of the response or, without one, why there was none.
func status(s *tracepb.Span) string {
	text := ""
	for _, a := range s.GetAttributes() {
		switch a.GetKey() {
		case "http.response.status_code":
			return json.Number(strings.TrimSpace(a.GetValue().String()[len("int_value:"):])).String()
		case "error.type":
			text = a.GetValue().GetStringValue()
		}
	}
	return text
}
