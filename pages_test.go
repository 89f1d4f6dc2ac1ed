package smooch

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// appPages answers n apps by limit and offset.
func appPages(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		limit := 25
		if text := r.URL.Query().Get("limit"); text != "" {
			limit, _ = strconv.Atoi(text)
		}
		var apps []string
		for i := offset; i < min(offset+limit, n); i++ {
			apps = append(apps, fmt.Sprintf(`{"_id":"%d"}`, i))
		}
		reply(200, fmt.Sprintf(`{"apps":[%s],"hasMore":%t,"offset":%d}`, strings.Join(apps, ","), offset+limit < n, offset))(w, r)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, appPages(60))
	c := newTestClient(t, rec.URL, AccountJWT("k", "s"))
	p, err := c.Apps.List(t.Context(), AppListOptions{Limit: 10, Offset: 50})
	require.NoError(t, err)
	assert.Len(t, p.Items, 10)
	assert.Equal(t, 50, p.Offset)
	assert.False(t, p.HasMore)
}

// TestAllTwice: ranging twice over the same sequence yields the whole list twice.
func TestAllTwice(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, appPages(60))
	all := newTestClient(t, rec.URL, AccountJWT("k", "s")).Apps.All(t.Context(), AppListOptions{Offset: 3})
	for range 2 {
		n := 3
		for app, err := range all {
			require.NoError(t, err)
			assert.Equal(t, strconv.Itoa(n), app.ID)
			n++
		}
		assert.Equal(t, 60, n)
	}
	assert.Len(t, rec.requests(), 2*3)
}

func TestBreakingOutAsksForNothingMore(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t, appPages(60))
	for _, err := range newTestClient(t, rec.URL, AccountJWT("k", "s")).Apps.All(t.Context(), AppListOptions{}) {
		require.NoError(t, err)
		break
	}
	assert.Len(t, rec.requests(), 1)
}

// TestPagesOfAnOddService: no list goes on forever.
func TestPagesOfAnOddService(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		page     func(offset int) string
		items    int
		requests int
		fails    bool
	}{
		{"empty page that says more follows", func(int) string {
			return `{"apps":[],"hasMore":true,"offset":0}`
		}, 0, 1, false},
		{"the same page again and again", func(int) string {
			return `{"apps":[{"_id":"1"}],"hasMore":true,"offset":0}`
		}, 2, 2, true},
		{"pages without offset", func(offset int) string {
			return fmt.Sprintf(`{"apps":[{"_id":"1"},{"_id":"2"}],"hasMore":%t}`, offset < 4)
		}, 6, 3, false},
		{"page without hasMore, which is the last", func(int) string {
			return `{"apps":[{"_id":"1"}]}`
		}, 1, 1, false},
		{"second page that breaks off", func(offset int) string {
			if offset > 0 {
				return `{"apps":`
			}
			return `{"apps":[{"_id":"1"}],"hasMore":true,"offset":0}`
		}, 1, 2, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rec := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
				offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
				reply(200, test.page(offset))(w, r)
			})
			items := 0
			var failure error
			for _, err := range newTestClient(t, rec.URL, AccountJWT("k", "s")).Apps.All(t.Context(), AppListOptions{}) {
				if err != nil {
					failure = err
					break
				}
				if items++; items > 10 {
					t.Fatal("it goes on forever")
				}
			}
			assert.Equal(t, test.fails, failure != nil, "%v", failure)
			assert.Equal(t, test.items, items)
			assert.Len(t, rec.requests(), test.requests)
		})
	}
}
