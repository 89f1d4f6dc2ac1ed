package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

var (
	picture = flag.String("picture", "", "write a picture of a conversation to this `file`")
	shots   = flag.String("shots", "", "write pictures of the states of the page to this `directory`")
)

var (
	programs string          // a directory with smooch-sandbox and the examples
	browser  context.Context // one Chromium, in which each test has its own window
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && chromium == "" {
			chromium = path
		}
	}
	if chromium == "" {
		fmt.Println("left out: Chromium is not installed")
		return 0
	}
	var err error
	if programs, err = os.MkdirTemp("", "smooch-e2e-"); err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(programs) }()
	build := exec.CommandContext(context.Background(), "go", "build", "-o", programs, "./cmd/smooch-sandbox", "./examples/echo-bot", "./examples/issue-user-tokens", "./examples/support-inbox")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Printf("%s%v\n", out, err)
		return 1
	}
	// Root, as in a container, has to do without Chromium's own sandbox.
	var cancel context.CancelFunc
	browser, cancel = chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("font-render-hinting", "none"), chromedp.UserDataDir(filepath.Join(programs, "profile"))))
	defer cancel()
	if err := chromedp.Do(browser); err != nil {
		fmt.Println("left out: Chromium does not start:", err)
		return 0
	}
	return m.Run()
}
