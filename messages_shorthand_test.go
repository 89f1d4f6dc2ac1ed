package smooch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShorthand(t *testing.T) {
	t.Parallel()
	type made struct {
		text string
		err  error
	}
	of := func(text string, err error) made { return made{text, err} }
	for want, got := range map[string]made{
		"%[Go](https://x.test/a%28b%29)":   of(LinkShorthand("Go", "https://x.test/a(b)")),
		"%[Go](tel:+32%20255)":             of(LinkShorthand("Go", "tel:+32 255")),
		"%[Yes](reply:YES)":                of(ReplyShorthand("Yes", "YES")),
		"%[Reserve (2)](postback:R_2)":     of(PostbackShorthand("Reserve (2)", "R_2")),
		"%[Where?](location)":              of(LocationRequestShorthand("Where?")),
		"$[Pay](25.00)":                    of(BuyShorthand("Pay", 2500)),
		"$[Pay](0.05)":                     of(BuyShorthand("Pay", 5)),
		"![](https://x.test/a%28b%29.png)": of(ImageShorthand("https://x.test/a(b).png")),
		"%((template: hello))%":            of(TemplateShorthand("hello")),
	} {
		require.NoError(t, got.err)
		assert.Equal(t, want, got.text)
	}
	for name, got := range map[string]made{
		"label closes":     of(LinkShorthand("a](https://evil.test)", "https://x.test")),
		"label opens":      of(ReplyShorthand("[a", "x")),
		"label is empty":   of(LocationRequestShorthand("")),
		"payload closes":   of(PostbackShorthand("a", "x) %[b](postback:y")),
		"payload is empty": of(ReplyShorthand("a", "")),
		"uri is relative":  of(LinkShorthand("a", "location")),
		"uri is a reply":   of(LinkShorthand("a", "reply:x")),
		"uri is a button":  of(LinkShorthand("a", "Postback:x")),
		"uri breaks":       of(LinkShorthand("a", "https://x.test/\n")),
		"image is empty":   of(ImageShorthand("")),
		"image breaks":     of(ImageShorthand("https://x.test/\n")),
		"line break":       of(LinkShorthand("a\nb", "https://x.test")),
		"negative amount":  of(BuyShorthand("a", -1)),
		"template closes":  of(TemplateShorthand("a))% %((template: b")),
		"template empty":   of(TemplateShorthand("")),
	} {
		assert.ErrorIs(t, got.err, ErrInvalidArgument, name)
		assert.Empty(t, got.text, name)
	}
}
