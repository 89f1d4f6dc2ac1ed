// Package page holds the page of the sandbox: plain HTML, CSS and ES modules, without a build step.
// It talks to the sandbox through the calls of smoochtest/control.json.
package page

import "embed"

// Files are the files of the page. index.html is its start.
//
//go:embed *.html *.css *.js *.svg
var Files embed.FS
