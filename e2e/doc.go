// Package e2e plays a person at the pages of the sandbox and of the examples, in a real browser:
// Chromium, which it finds in the PATH. It needs nothing else: axe-core, which looks for barriers,
// comes with npm.
//
//	go test                      in two to three minutes
//	go test -run Conversation -v
//	go test -run Picture -picture ../docs/sandbox.png
//	go test -shots DIR           writes a picture of each state that is looked at for barriers
//
// What cannot be fetched is left out, and a line says so. go test prints it only if no package is
// named on its command line.
package e2e
