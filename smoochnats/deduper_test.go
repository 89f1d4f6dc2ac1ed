package smoochnats_test

import (
	"testing"

	"github.com/smooch/smooch-go"
	"github.com/smooch/smooch-go/smoochnats"
	"github.com/smooch/smooch-go/smoochtest"
	"github.com/stretchr/testify/require"
)

func TestDeduper(t *testing.T) {
	t.Parallel()
	js := startServers(t, 1).connect()
	smoochtest.TestDeduper(t, func() smooch.Deduper {
		d, err := smoochnats.NewDeduper(t.Context(), js, smoochnats.DeduperConfig{Bucket: "claims"})
		require.NoError(t, err)
		return d
	})
}
