// Command support-inbox is a web page on which agents of a business answer its users. Conversations
// arrive while one looks at it; answers have text, buttons and files.
//
//	go run ./examples/support-inbox -listen 127.0.0.1:8091
//
// By default it starts a fake Smooch service in this process, where three people write now and
// then; without -listen it answers one of them by itself and ends. On a smooch-sandbox, or with the
// key of an app, it serves the page until it is interrupted:
//
//	go run ./examples/support-inbox -sandbox http://127.0.0.1:8800
//
//	SMOOCH_KEY_ID       the id of the key
//	SMOOCH_KEY_SECRET   the secret of the key
//	SMOOCH_WEBHOOK_URL  a public address that leads to SMOOCH_LISTEN
//	SMOOCH_LISTEN       the address to listen on for webhooks, by default 127.0.0.1:8080
//	SMOOCH_BASE_URL     another address of the service, such as https://api.eu-1.smooch.io
//
// Whoever reaches the address of the page is an agent, so put a login in front of it before it
// leaves this machine. The parts to take over are [site.send], which sends an answer once however
// often its form is sent, and [inbox.record], which keeps what the service does not.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/examples/internal/service"
)

func main() {
	sandbox := flag.String("sandbox", "", "address of a smooch-sandbox, such as http://127.0.0.1:8800")
	listen := flag.String("listen", "", "address to serve the page at (default 127.0.0.1:8091)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *sandbox, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "support-inbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sandbox, listen string) error {
	s, err := service.ForApp(ctx, sandbox)
	if err != nil {
		return err
	}
	defer s.Close()
	in, stop, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer stop()
	scripted := s.Fake != nil && listen == ""
	if scripted {
		listen = "127.0.0.1:0"
	}
	page, err := serve(cmp.Or(listen, "127.0.0.1:8091"), newSite(in, s.BaseURL).handler())
	if err != nil {
		return err
	}
	defer page.Close()
	if scripted {
		return visit(ctx, s.Fake, in.app, "http://"+page.Addr)
	}
	fmt.Println("The inbox is at", "http://"+page.Addr, "until you press Ctrl-C.")
	if s.Fake != nil {
		return play(ctx, s.Fake)
	}
	<-ctx.Done()
	return nil
}

// open returns the inbox of the app, with a webhook that keeps it up to date. stop ends that.
func open(ctx context.Context, s *service.Service) (in *inbox, stop func(), err error) {
	app, err := smooch.NewClient(smooch.AppJWT(s.KeyID, s.Secret), s.Options()...)
	if err != nil {
		return nil, nil, err
	}
	in = newInbox(app)
	// Until the secret is added, the service gets 200 for its HEAD request and 503 for events, which
	// it delivers again: no event can overtake what is loaded.
	receiver, err := smooch.NewWebhookReceiver(nil)
	if err != nil {
		return nil, nil, err
	}
	smooch.Handle(receiver, in.handleMessage)
	smooch.Handle(receiver, in.handlePostback)
	smooch.Handle(receiver, in.handleDelivery)
	smooch.Handle(receiver, in.handleMerge)
	listen, target := "127.0.0.1:0", "" // a sandbox or a fake is on this machine
	if s.Real {
		listen, target = cmp.Or(os.Getenv("SMOOCH_LISTEN"), "127.0.0.1:8080"), os.Getenv("SMOOCH_WEBHOOK_URL")
	}
	server, err := serve(listen, receiver)
	if err != nil {
		return nil, nil, err
	}
	webhook, err := app.Webhooks.Ensure(ctx, smooch.WebhookCreate{
		Target: cmp.Or(target, "http://"+server.Addr+"/"), IncludeFullAppUser: true,
		Triggers: []smooch.Trigger{
			smooch.TriggerMessageAppUser, smooch.TriggerMessageAppMaker, smooch.TriggerPostback,
			smooch.TriggerMessageDeliveryFailure, smooch.TriggerMergeAppUser,
		},
	})
	if err == nil {
		err = in.load(ctx)
	}
	if err == nil {
		err = receiver.AddSecret(webhook.Secret)
	}
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	return in, func() {
		defer server.Close()
		if s.Real {
			return // events of the meantime are delivered again for some minutes
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := app.Webhooks.Delete(ctx, webhook.ID); err != nil {
			fmt.Fprintln(os.Stderr, "support-inbox:", err)
		}
	}, nil
}

// serve serves an address until the server is closed. Its Addr has the port that was chosen.
func serve(listen string, handler http.Handler) (*http.Server, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Addr: listener.Addr().String(), ReadHeaderTimeout: 10 * time.Second, Handler: handler}
	go func() { _ = server.Serve(listener) }() // returns when the server is closed
	return server, nil
}
