package chaos

import "fmt"

// newToken returns the send token of message i.
func newToken(i int) string { return fmt.Sprintf("token-%d-%d", *seed, i) }
