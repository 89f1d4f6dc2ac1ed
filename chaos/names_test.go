package chaos

import (
	"fmt"

	"github.com/smooch/smooch-go"
)

// newToken returns the send token of message i.
func newToken(i int) string { return fmt.Sprintf("token-%d-%d", *seed, i) }

// quiet returns the options of a receiver that logs nothing.
func quiet() []smooch.ReceiverOption { return nil }
