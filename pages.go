package smooch

import (
	"errors"
	"iter"
)

// Page is one page of a list. An answer that does not say whether more follows is the last page.
type Page[T any] struct {
	Items   []T  // in the service's order
	Offset  int  // how many items of the list come before these
	HasMore bool // whether more follow
}

var errNoProgress = errors.New("smooch: the list does not advance: the service gave the same page again")

// pages walks a list by offset, from offset on. All its state is inside the sequence: ranging
// twice gives the list twice, and breaking out asks for nothing more.
func pages[T any](fetch func(offset int) (*Page[T], error), offset int) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for next := offset; ; {
			p, err := fetch(next)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range p.Items {
				if !yield(&p.Items[i], nil) {
					return
				}
			}
			if !p.HasMore || len(p.Items) == 0 {
				return
			}
			following := p.Offset + len(p.Items)
			if following <= next {
				yield(nil, errNoProgress)
				return
			}
			next = following
		}
	}
}
