package main

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/smooch/smooch-go"
)

// A balancer is the load balancer in front of the receivers. A delivery whose receiver dies goes to
// the next one.
type balancer struct {
	ledger *ledger
	client http.Client

	mu        sync.Mutex
	addresses []string
	next      int
}

func (b *balancer) add(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addresses = append(b.addresses, address)
}

func (b *balancer) remove(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addresses = slices.DeleteFunc(b.addresses, func(a string) bool { return a == address })
}

func (b *balancer) pick() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.addresses) == 0 {
		return ""
	}
	b.next++
	return b.addresses[b.next%len(b.addresses)]
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead { // a webhook is being created, and its secret is not known yet
		return
	}
	arrived := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	status := b.forward(r, body)
	if event, err := smooch.ParseEvent(body); err == nil {
		if e, ok := event.(*smooch.MessageEvent); ok {
			b.ledger.delivered(e, arrived, status)
		}
	}
	w.WriteHeader(status)
}

// forward returns the answer of the first receiver that gives one.
func (b *balancer) forward(r *http.Request, body []byte) (status int) {
	for range 5 {
		address := b.pick()
		request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://"+address, bytes.NewReader(body))
		if err != nil {
			continue
		}
		request.Header = r.Header.Clone()
		response, err := b.client.Do(request)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return response.StatusCode
	}
	return http.StatusBadGateway
}
