package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// roles are what a child process can do. Each gets its arguments as JSON and writes its results, as
// JSON too, to its standard output.
var roles = map[string]func(args json.RawMessage, out *json.Encoder) error{
	"receive": receive,
	"call":    callHostile,
	"upload":  callWithReader,
	"hurt":    decodeHurting,
}

// runChild is the main function of a child process. The process also ends when its standard input
// is closed, which happens when the suite ends, however it ends.
func runChild(role string) {
	var args json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	if err := roles[role](args, json.NewEncoder(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A process is a child process.
type process struct {
	*exec.Cmd
	results *json.Decoder
	errors  *tail
	input   io.Closer
}

// startChild starts a child process, which is killed when ctx ends.
func startChild(ctx context.Context, role string, args any) (*process, error) {
	data, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	p := &process{Cmd: exec.CommandContext(ctx, os.Args[0], "-child", role, fmt.Sprintf("-seed=%d", *seed)), errors: &tail{}}
	p.Stderr = p.errors
	p.WaitDelay = time.Second
	input, err := p.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.input, p.results = input, json.NewDecoder(output)
	if err := p.Start(); err != nil {
		return nil, err
	}
	_, err = input.Write(append(data, '\n')) // so that the value is complete
	return p, err
}

// result decodes a result of the process, or says how the process ended.
func (p *process) result(v any) error {
	err := p.results.Decode(v)
	if err != nil {
		p.end() // so that all that it wrote is here
		err = fmt.Errorf("the process did not come back: %w\n%s", err, p.errors)
	}
	return err
}

// end kills the process and waits until it is gone.
func (p *process) end() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// A tail keeps the last bytes that were written to it.
type tail struct{ data []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.data = append(t.data, b...)
	t.data = t.data[max(0, len(t.data)-64<<10):]
	return len(b), nil
}

func (t *tail) String() string {
	lines := strings.Split(strings.TrimSpace(string(t.data)), "\n")
	return strings.Join(lines[:min(len(lines), 30)], "\n")
}

// peakMemory returns the peak of the memory that this process had in use, in MiB; 0 if the system
// does not tell. Unlike the Maxrss of the process, it does not begin at that of the parent.
func peakMemory() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes := 0
	if _, err := fmt.Sscan(line, &kilobytes); err != nil {
		return 0
	}
	return kilobytes >> 10
}
