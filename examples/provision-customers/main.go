// Command provision-customers gives each customer of a platform an app, with a key and a webhook.
// It can be run again at any time, also after it was killed: it creates what is missing and nothing
// twice.
//
//	go run ./examples/provision-customers
//
// By default it starts a fake Smooch service in this process, and provisions some made-up customers
// there twice. With a file it provisions the customers in it, on a smooch-sandbox or in the account
// of a key:
//
//	go run ./examples/provision-customers -sandbox http://127.0.0.1:8800 customers.csv
//
//	SMOOCH_KEY_ID      the id of the key
//	SMOOCH_KEY_SECRET  the secret of the key
//	SMOOCH_BASE_URL    another address of the service, such as https://api.eu-1.smooch.io
//
// Each line of the file is the id of a customer, a comma and a name. The webhook of a customer
// leads to the address of the flag -webhook with a slash and that id. The result, customers.json,
// has the secrets, so only its owner can read it. It can be lost: the next run writes it again, as
// the service tells the secrets of keys and webhooks at any time.
//
// An app is found by its metadata, which has the id of its customer, and a key by its name. Do not
// run the program twice at once: both would create what neither has found.
package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/examples/internal/progress"
	"github.com/smooch/smooch-go/examples/internal/service"
)

const (
	metadataKey = "customerId" // of an app
	keyName     = "backend"
)

func main() {
	sandbox := flag.String("sandbox", "", "address of a smooch-sandbox, such as http://127.0.0.1:8800")
	webhook := flag.String("webhook", "http://127.0.0.1:8080/smooch", "address of the webhooks, without the customer's id")
	output := flag.String("o", "customers.json", "the file to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *sandbox, *webhook, flag.Arg(0), *output); err != nil {
		fmt.Fprintln(os.Stderr, "provision-customers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sandbox, webhook, list, output string) error {
	s, err := service.ForAccount(ctx, sandbox)
	if err != nil {
		return err
	}
	defer s.Close()
	account, err := smooch.NewClient(smooch.AccountJWT(s.KeyID, s.Secret), s.Options()...)
	if err != nil {
		return err
	}
	p := &provisioner{account: account, webhook: webhook}
	if list == "" && !s.Real {
		return runDemo(ctx, p)
	}
	customers, err := readCustomers(list)
	if err != nil {
		return err
	}
	return p.provision(ctx, customers, output)
}

// customer is a line of the input and an element of the output.
type customer struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	AppID         string `json:"appId"`
	KeyID         string `json:"keyId"`
	Secret        string `json:"secret"`
	WebhookID     string `json:"webhookId"`
	WebhookSecret string `json:"webhookSecret"`
}

func readCustomers(path string) ([]*customer, error) {
	if path == "" {
		return nil, errors.New("name the file with the customers")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.FieldsPerRecord = 2
	records, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var customers []*customer
	seen := map[string]bool{"": true}
	for _, record := range records {
		if seen[record[0]] {
			return nil, fmt.Errorf("%s: the id %q is empty, or not the only one", path, record[0])
		}
		seen[record[0]] = true
		customers = append(customers, &customer{ID: record[0], Name: record[1]})
	}
	return customers, nil
}

// provisioner provisions customers in one account.
type provisioner struct {
	account *smooch.Client
	webhook string

	mu      sync.Mutex
	created int // apps, keys
}

// provision provisions eight customers at a time, and writes the file when all have what they need.
func (p *provisioner) provision(ctx context.Context, customers []*customer, output string) error {
	apps, err := p.apps(ctx)
	if err != nil {
		return err
	}
	bar := progress.Start(os.Stderr, "customers", len(customers), 0)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	queue := make(chan *customer)
	for range 8 {
		workers.Go(func() {
			for c := range queue {
				c.AppID = apps[c.ID]
				if err := p.complete(ctx, c); err != nil {
					cancel(fmt.Errorf("the customer %q: %w; run it again to go on", c.ID, err))
					continue
				}
				bar.Add(1)
			}
		})
	}
	for _, c := range customers {
		queue <- c
	}
	close(queue)
	workers.Wait()
	bar.Stop()
	fmt.Fprintf(os.Stderr, "created %d apps and keys\n", p.created)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	text, err := json.MarshalIndent(customers, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(output+".part", text, 0o600); err != nil {
		return err
	}
	return os.Rename(output+".part", output)
}

// apps returns the ids of the apps in the account by the ids of their customers.
func (p *provisioner) apps(ctx context.Context) (map[string]string, error) {
	apps := map[string]string{}
	for app, err := range p.account.Apps.All(ctx, smooch.AppListOptions{Limit: 100}) {
		if err != nil {
			return nil, err
		}
		id, ours := app.Metadata[metadataKey].(string)
		if other := apps[id]; ours && other != "" && other != app.ID {
			return nil, fmt.Errorf("the customer %q has the apps %s and %s: delete one", id, other, app.ID)
		}
		if ours {
			apps[id] = app.ID
		}
	}
	return apps, nil
}

// complete creates what the customer lacks. A create whose outcome is unknown ends the run: what it
// has created is found by the next one.
func (p *provisioner) complete(ctx context.Context, c *customer) error {
	if c.AppID == "" {
		app, err := p.account.Apps.Create(ctx, smooch.AppCreate{Name: c.Name, Metadata: map[string]any{metadataKey: c.ID}})
		if err != nil {
			return err
		}
		c.AppID = app.ID
		p.count()
	}
	app := p.account.ForApp(c.AppID)
	key, err := p.key(ctx, app)
	if err != nil {
		return err
	}
	c.KeyID, c.Secret = key.ID, key.Secret
	webhook, err := app.Webhooks.Ensure(ctx, smooch.WebhookCreate{
		Target:   p.webhook + "/" + url.PathEscape(c.ID),
		Triggers: []smooch.Trigger{smooch.TriggerMessageAppUser, smooch.TriggerPostback},
	})
	if err != nil {
		return err
	}
	c.WebhookID, c.WebhookSecret = webhook.ID, webhook.Secret
	return nil
}

// key returns the key of the app, and creates it if there is none.
func (p *provisioner) key(ctx context.Context, app *smooch.Client) (*smooch.Key, error) {
	keys, err := app.Keys.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if key.Name == keyName {
			return &key, nil
		}
	}
	key, err := app.Keys.Create(ctx, smooch.KeyCreate{Name: keyName})
	if err == nil {
		p.count()
	}
	return key, err
}

func (p *provisioner) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.created++
}

// runDemo provisions some customers twice and shows the file.
func runDemo(ctx context.Context, p *provisioner) error {
	output := filepath.Join(os.TempDir(), "customers-"+smooch.NewSendToken()+".json")
	defer os.Remove(output)
	var customers []*customer
	for _, name := range []string{"Ada's Bikes", "Bo's Books", "Cy's Cycles", "Dee's Deli", "Eve's Eyewear"} {
		customers = append(customers, &customer{ID: fmt.Sprintf("c-%d", len(customers)+1), Name: name})
	}
	for range 2 {
		p.created = 0
		if err := p.provision(ctx, customers, output); err != nil {
			return err
		}
	}
	if p.created != 0 {
		return errors.New("the second run created something")
	}
	for _, c := range customers {
		fmt.Printf("%-4s %-14s app %s  key %s  webhook %s\n", c.ID, c.Name, c.AppID, c.KeyID, c.WebhookID)
	}
	return nil
}
