// Command bare makes one call with net/http and ends.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	req, err := http.NewRequestWithContext(context.Background(), "GET", os.Args[1]+"/v1.1/apps/a1/appusers/u", nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer token")
	hc := &http.Client{Timeout: 30 * time.Second}
	resp, err := hc.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		AppUser struct {
			ID        string `json:"_id"`
			GivenName string `json:"givenName"`
		} `json:"appUser"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.AppUser.GivenName != "Steve" {
		log.Fatal("not the user: ", err)
	}
}
