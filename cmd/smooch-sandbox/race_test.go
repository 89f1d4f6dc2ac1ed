//go:build race

package main

// raceDetector says that the tests run with the race detector, which the processes get, too.
const raceDetector = true
