package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/smooch/smooch-go/cmd/smooch-sandbox/page"
	"github.com/smooch/smooch-go/smoochtest"
)

// config is what the flags say.
type config struct {
	addr, state, seed, format string
	app                       smoochtest.App
	account                   smoochtest.Credentials
	webhook, triggers         string
	retry                     time.Duration
	rateLimit                 int
	allowTarget, allowHost    string
	keepLog, keepMedia        int
	log, version              bool
}

// environment is what the names of environment variables begin with.
const environment = "SMOOCH_SANDBOX_"

// readConfig reads flags and, for those that are not given, environment variables.
func readConfig(args []string, lookup func(string) (string, bool), usage io.Writer) (*config, error) {
	c := &config{}
	f := flag.NewFlagSet("smooch-sandbox", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.addr, "addr", "127.0.0.1:8800", "`address` to listen on")
	f.StringVar(&c.state, "state", "", "`file` that the state is loaded from at the start and saved to every few seconds and at the end")
	f.StringVar(&c.seed, "seed", "", "any `text`: with the same one, ids and secrets are the same each time")
	f.StringVar(&c.app.ID, "app-id", "", "id of the first app; random if empty, as for the others")
	f.StringVar(&c.app.Token, "app-token", "", "token of the first app")
	f.StringVar(&c.app.Key.KeyID, "key-id", "", "id of the first app's key")
	f.StringVar(&c.app.Key.Secret, "secret", "", "secret of the first app's key")
	f.StringVar(&c.account.KeyID, "account-key-id", "", "id of the account's key")
	f.StringVar(&c.account.Secret, "account-secret", "", "secret of the account's key")
	f.StringVar(&c.format, "print", "text", "how address and credentials are printed: text, env or json, which is one line")
	f.BoolVar(&c.log, "log", false, "log each call and each delivery in one line to stderr")
	f.StringVar(&c.webhook, "webhook", "", "`URL` of a webhook that the first app has from the start")
	f.StringVar(&c.triggers, "triggers", "", "triggers of that webhook, with commas; all if empty")
	f.DurationVar(&c.retry, "webhook-retry", 10*time.Second, "time before the first retry of a webhook delivery; doubles with each retry")
	f.IntVar(&c.rateLimit, "rate-limit", 0, "calls that are accepted per second; 0 means no limit")
	f.StringVar(&c.allowTarget, "allow-target", "", "`hosts` that webhooks may be on besides this machine, with commas")
	f.StringVar(&c.allowHost, "allow-host", "", "`hosts` by which the page and the controls may be reached besides localhost, with commas")
	f.IntVar(&c.keepLog, "keep-log", 10_000, "how many calls and how many deliveries are kept")
	f.IntVar(&c.keepMedia, "keep-media", 256, "how many MiB of uploaded files are kept")
	f.BoolVar(&c.version, "version", false, "print the version and end")
	f.Usage = func() {} // a wrong flag is one line
	var wrong error
	f.VisitAll(func(each *flag.Flag) {
		name := environment + strings.ToUpper(strings.ReplaceAll(each.Name, "-", "_"))
		if value, set := lookup(name); set && wrong == nil {
			if err := each.Value.Set(value); err != nil {
				wrong = fmt.Errorf("%s is %q: %w", name, value, err)
			}
		}
	})
	if wrong != nil {
		return nil, wrong
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(usage, "A Smooch service on this machine. Its flags, also as %sNAME in the environment:\n", environment)
			f.SetOutput(usage)
			f.PrintDefaults()
		}
		return nil, err
	}
	return c, c.check(f.Args())
}

func (c *config) check(stray []string) error {
	switch {
	case len(stray) > 0:
		return fmt.Errorf("unexpected argument %q; all settings are flags, see -help", stray[0])
	case c.format != "text" && c.format != "env" && c.format != "json":
		return fmt.Errorf("-print is %q, not text, env or json", c.format)
	case c.triggers != "" && c.webhook == "":
		return fmt.Errorf("-triggers is %q, but there is no -webhook to have them", c.triggers)
	case c.retry <= 0 || c.rateLimit < 0 || c.keepLog <= 0 || c.keepMedia <= 0:
		return fmt.Errorf("-webhook-retry, -keep-log and -keep-media must be positive, -rate-limit not negative")
	}
	return nil
}

// list splits a text at its commas.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func (c *config) options() []smoochtest.Option {
	options := []smoochtest.Option{
		smoochtest.WithAddr(c.addr),
		smoochtest.WithSeed(c.seed),
		smoochtest.WithCredentials(c.account, c.app),
		smoochtest.WithWebhookRetryInterval(c.retry),
		smoochtest.WithAllowedTargets(list(c.allowTarget)...),
		smoochtest.WithAllowedHosts(list(c.allowHost)...),
		smoochtest.WithHistory(c.keepLog, int64(c.keepMedia)<<20),
		smoochtest.WithPage(page.Files),
	}
	if c.rateLimit > 0 {
		options = append(options, smoochtest.WithRateLimit(c.rateLimit, time.Second))
	}
	if c.webhook != "" {
		options = append(options, smoochtest.WithWebhook(c.webhook, list(cmp.Or(c.triggers, "*"))...))
	}
	if c.log {
		options = append(options, smoochtest.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))))
	}
	return options
}

// print prints what a client needs.
func (c *config) print(out io.Writer, s smoochtest.ClientSettings) error {
	if c.format == "json" {
		return json.NewEncoder(out).Encode(s)
	}
	text := "page and controls   %s\n"
	names := []string{"base URL", "app", "app token", "key of the app", "its secret", "account key", "its secret", "account JWT"}
	line := "%-19s %s\n"
	if c.format == "env" {
		text = "# The page and the controls are at %s\n"
		names = []string{"BASE_URL", "APP_ID", "APP_TOKEN", "KEY_ID", "KEY_SECRET", "ACCOUNT_KEY_ID", "ACCOUNT_SECRET", "TOKEN"}
		line = "SMOOCH_%s=%s\n"
	}
	values := []string{s.BaseURL, s.AppID, s.AppToken, s.KeyID, s.Secret, s.AccountKeyID, s.AccountSecret, s.JWT}
	_, err := fmt.Fprintf(out, text, s.BaseURL+"/")
	for i, name := range names {
		if err == nil {
			_, err = fmt.Fprintf(out, line, name, values[i])
		}
	}
	return err
}
