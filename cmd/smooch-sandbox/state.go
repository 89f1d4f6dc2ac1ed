package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/smooch/smooch-go/smoochtest"
)

// savesEvery is the time between two looks at whether the state has changed.
const savesEvery = 3 * time.Second

// stateFile keeps the state of a server in a file. Without a path it does nothing.
type stateFile struct {
	path   string
	server *smoochtest.Server
	saved  bool
	at     uint64 // StateChanges of the server when it was saved
}

// load loads the state, if there is a file.
func (f *stateFile) load() error {
	if f.path == "" {
		return nil
	}
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.save() // so that a path that cannot be written to is an error at once
	}
	if err != nil {
		return err
	}
	if err := f.server.ImportState(data); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return nil
}

// save saves the state if it may have changed. A process that ends meanwhile leaves the old file
// behind.
func (f *stateFile) save() error {
	if f.path == "" {
		return nil
	}
	at := f.server.StateChanges()
	if f.saved && at == f.at {
		return nil
	}
	data := f.server.ExportState()
	if err := os.WriteFile(f.path+".new", data, 0o600); err != nil {
		return err
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		return err
	}
	f.saved, f.at = true, at
	return nil
}

// saveUntil saves the state now and then until ctx ends.
func (f *stateFile) saveUntil(ctx context.Context) {
	tick := time.NewTicker(savesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := f.save(); err != nil {
				fmt.Fprintln(os.Stderr, "smooch-sandbox: the state is not saved:", err)
			}
		}
	}
}
