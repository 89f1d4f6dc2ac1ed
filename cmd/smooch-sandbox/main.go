// Command smooch-sandbox is a Smooch service on this machine: clients in any language can be
// pointed at it, and a test or a person drives it through the calls under /_sandbox/ or the page
// at /. It is package smoochtest as a process of its own; docs/sandbox.md describes it.
//
//	go run github.com/smooch/smooch-go/cmd/smooch-sandbox@latest
//
// Each flag can also be set by an environment variable: SMOOCH_SANDBOX_ADDR is -addr.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/smooch/smooch-go/smoochtest"
)

// exitsWithin is how long the process takes at most to end after a signal.
const exitsWithin = 1500 * time.Millisecond

func main() {
	c, err := readConfig(os.Args[1:], os.LookupEnv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fail(2, err)
	case c.version:
		fmt.Println("smooch-sandbox", smoochtest.Version())
		return
	}
	if err := run(c, os.Stdout); err != nil {
		fail(1, err)
	}
}

// fail ends the process with one line that says why.
func fail(code int, err error) {
	text := strings.ReplaceAll(err.Error(), "smoochtest: ", "")
	fmt.Fprintln(os.Stderr, "smooch-sandbox:", strings.ReplaceAll(text, "\n", " "))
	os.Exit(code)
}

// run serves until the process is told to end.
func run(c *config, out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		stop()                                             // a second signal ends the process at once
		time.AfterFunc(exitsWithin, func() { os.Exit(1) }) // whatever hangs
	})
	server, err := smoochtest.Start(c.options()...)
	if err != nil {
		return err
	}
	defer server.Close()
	state := &stateFile{path: c.state, server: server}
	if err := state.load(); err != nil {
		return err
	}
	if err := c.print(out, server.ClientSettings()); err != nil {
		return err
	}
	state.saveUntil(ctx)
	return state.save()
}
