// Command campaign sends one message each to the recipients in a CSV file, with several processes
// that together keep below one rate of requests. It may be killed with -9 and started again at any
// point: nobody gets two messages.
//
//	go run ./examples/campaign                # 1,000 recipients, a fake Smooch, a redis-server
//	go run ./examples/campaign -n 100000 -rate 2000
//
// Without -redis it starts a redis-server, which must be installed. Without credentials in
// SMOOCH_APP_ID, SMOOCH_KEY_ID and SMOOCH_KEY_SECRET it starts a fake Smooch, where one message in
// 211 is refused with 503, one answer in 127 is lost, and one user in 100 is unknown. Both live in
// a process that outlives the campaign by a minute. With credentials, the messages go to Smooch, or
// to the service at -sandbox.
//
// What is where:
//
//   - In files, in the directory of the campaign, is all that must not be lost: campaign.json, and
//     a journal for each chunk of 100 recipients. The journal is on the disk before the first
//     message of its chunk is sent, and gets a line for each outcome.
//   - In Redis is who does what at the moment: a claim for each chunk that a worker is sending,
//     which ends 10 s after the worker dies, and the state of the limit. If Redis loses it, chunks
//     are looked at again.
//
// A worker that finds the journal of a chunk that another one has begun does not know whether the
// messages without an outcome were sent. It looks for each of them in the history of its user
// before it sends it (smooch.WithSendToken, smooch.WithSentSince).
//
// One message can still be doubled: by a process that is suspended in the middle of sending it for
// longer than its claim holds, and goes on after another one has looked for the message.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"time"
)

func main() {
	run := runCampaign
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "worker":
			run = runWorker
		case "helper":
			run = runHelper
		}
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "campaign:", err)
		if errors.Is(err, errStop) {
			os.Exit(exitStop)
		}
		os.Exit(1)
	}
}

func runCampaign() error {
	dir := flag.String("dir", "campaign", "directory of the campaign: its journals and its report")
	file := flag.String("csv", "", "file with the recipients; the first column is userId (default: one is written)")
	n := flag.Int("n", 1000, "number of recipients in the file that is written")
	text := flag.String("text", "", "text of the message, with {column} for a column of the file")
	sandbox := flag.String("sandbox", "", "base URL of a service other than Smooch")
	s := settings{}
	flag.StringVar(&s.Redis, "redis", "", "URL of Redis, such as redis://localhost:6379 (default: a redis-server is started)")
	flag.Float64Var(&s.Rate, "rate", 200, "requests per second, of all workers together")
	flag.IntVar(&s.Burst, "burst", 20, "requests at once, of all workers together")
	flag.IntVar(&s.Workers, "workers", 4, "number of processes")
	flag.IntVar(&s.InFlight, "inflight", 16, "requests at once, of each worker")
	flag.DurationVar(&s.Lease, "lease", 10*time.Second, "how long the work of a dead worker lies")
	flag.Parse()
	s.Dir = *dir
	s.Service = service{URL: *sandbox, AppID: os.Getenv("SMOOCH_APP_ID"), KeyID: os.Getenv("SMOOCH_KEY_ID"), KeySecret: os.Getenv("SMOOCH_KEY_SECRET")}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := openCampaign(*dir, *file, *text, *n)
	if err != nil {
		return err
	}
	var help *helper
	want := helperSettings{Dir: *dir, Redis: s.Redis == "", Service: s.Service.KeyID == ""}
	if want.Redis || want.Service {
		fmt.Println("Getting the fake Smooch or Redis ready.")
		if help, err = callHelper(ctx, want); err != nil {
			return err
		}
		if want.Redis {
			s.Redis = help.Redis
		}
		if want.Service {
			s.Service = help.Service
		}
	}
	stat, err := os.Stdout.Stat()
	b := newBoard(c, os.Stdout, err == nil && stat.Mode()&os.ModeCharDevice != 0, s.Workers)
	err = sendAll(ctx, s, b)
	open, failed := b.report()
	if help != nil && want.Service {
		if one, more, err := help.count(context.WithoutCancel(ctx)); err == nil && one+more > 0 {
			fmt.Printf("\n  The service has one message for %s users, and more for %s.\n", thousands(one), thousands(more))
		}
	}
	if err == nil && failed == nil && open > 0 {
		err = errors.New("some messages are open")
	}
	return errors.Join(err, failed)
}

// sendAll keeps the workers at work until all chunks are finished, or ctx ends.
func sendAll(ctx context.Context, s settings, b *board) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for range s.Workers {
		group.Go(func() {
			for ctx.Err() == nil {
				err := startWorker(ctx, s, b)
				exit, ended := errors.AsType[*exec.ExitError](err)
				switch {
				case err == nil:
					return
				case ended && exit.ExitCode() == exitStop:
					cancel(errStop)
				case ctx.Err() == nil:
					b.note("a worker has ended: %v; another one takes over", err)
					pause(ctx, 200*time.Millisecond)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	for {
		b.show()
		select {
		case <-done:
			b.show()
			return context.Cause(ctx)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// startWorker runs a worker until it ends. It ends by itself when its standard input is closed,
// however this process has ended.
func startWorker(ctx context.Context, s settings, b *board) error {
	cmd := exec.Command(os.Args[0], "worker") //nolint:noctx // it ends with its input
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	messages, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	b.started(pid)
	stopped := context.AfterFunc(ctx, func() { _ = input.Close() })
	defer stopped()
	if err := json.NewEncoder(input).Encode(s); err != nil {
		b.note("worker %d: %v", pid, err)
	}
	for lines := bufio.NewScanner(messages); lines.Scan(); {
		b.note("worker %d: %s", pid, lines.Text())
	}
	_, _ = io.Copy(io.Discard, messages) // what is left of a line that is too long
	err = cmd.Wait()
	b.ended(pid, err != nil && ctx.Err() == nil)
	return err
}
