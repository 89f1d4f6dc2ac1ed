package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
)

// settings are the flags of the command.
type settings struct {
	rounds int            // quiet rounds of each contest
	busy   bool           // busy rounds count, too
	only   *regexp.Regexp // the work to measure
	write  string         // the folder of performance.md; "": print it
}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 2 && os.Args[1] == "child" {
		child(os.Args[2], os.Args[3:])
		return
	}
	var s settings
	flag.IntVar(&s.rounds, "rounds", 300, "quiet rounds of each contest")
	flag.BoolVar(&s.busy, "busy", false, "count rounds in which the machine was busy, too")
	only := flag.String("only", "", "measure only the work that `regexp` matches")
	flag.StringVar(&s.write, "write", "", "write performance.md and its charts into `folder`")
	flag.Parse()
	s.only = regexp.MustCompile(*only)
	other := startOther()
	defer other.stop()
	r := measureAll(s, other)
	if s.write == "" {
		fmt.Print(r.tables())
		return
	}
	check(r.write(s.write))
}

// child is what the command does in the processes that it starts.
func child(role string, args []string) {
	switch role {
	case "other":
		serveAndSend()
	case "peak":
		printPeak(args[0], args[1])
	case "instructions":
		repeat(args[0], args[1], args[2])
	}
}

// check ends the measurement with an error.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// must returns a value that comes without an error.
func must[T any](value T, err error) T {
	check(err)
	return value
}
