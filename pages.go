package smooch

import (
	"errors"
	"iter"
)

// Page is one page of a list.
type Page[T any] struct {
	Items   []T  // in the service's order
	Offset  int  // how many items of the list come before Items
	HasMore bool // whether more items follow; false if the response does not say
}

var errNoProgress = errors.New("smooch: the list does not advance: the service returned the same page again")

// pages returns an iterator over the items of a list, from offset on. All its state is inside the
// iterator: ranging over it twice yields the list twice, and breaking out of the loop fetches no
// further page.
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
