package smoochtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smooch/smooch-go"
)

// TestDeduper tests that a [smooch.Deduper] does what its documentation asks for: of 1,000 claims
// at once one is won, claims end with their leases and not before, and a token that does not hold
// any longer changes nothing. Call it from a test of an implementation:
//
//	func TestDeduper(t *testing.T) {
//		smoochtest.TestDeduper(t, func() smooch.Deduper { return NewDeduper(connect(t)) })
//	}
//
// newDeduper is called for each of about ten checks, which run at the same time, with keys of their
// own, so that the dedupers may share a store. They must be able to keep 5,000 keys. The test takes
// about 5 seconds of real time, as leases last for a second at least, and longer where the store
// does not answer within a second.
func TestDeduper(t *testing.T, newDeduper func() smooch.Deduper) {
	t.Helper()
	for _, failure := range checkDeduper(t.Context(), newDeduper) {
		t.Error(failure)
	}
}

const (
	deduperSlack = 2 * time.Second  // how much longer than its lease a claim may hold
	longLease    = 10 * time.Minute // of a claim that is not to end during the test
	noToken      = "no-token"
)

// deduperLeases are those of claims that are to end during the test. The longer ones are for a
// store or a machine that is too slow for the first.
var deduperLeases = []time.Duration{time.Second, 4 * time.Second, 16 * time.Second}

// deduperChecks are the parts of TestDeduper, by name.
var deduperChecks = map[string]func(c *deduperCheck){
	"states":            (*deduperCheck).states,
	"released claim":    (*deduperCheck).releasedClaim,
	"wrong token":       (*deduperCheck).wrongToken,
	"done":              (*deduperCheck).done,
	"lease":             (*deduperCheck).endOfLease,
	"expired token":     (*deduperCheck).expiredToken,
	"extended lease":    (*deduperCheck).extendedLease,
	"claims at once":    (*deduperCheck).claimsAtOnce,
	"takeover at once":  (*deduperCheck).takeoverAtOnce,
	"done or taken":     (*deduperCheck).doneOrTaken,
	"extension at once": (*deduperCheck).extensionAtOnce,
	"keys":              (*deduperCheck).differentKeys,
}

// checkDeduper makes all checks, and returns what is wrong.
func checkDeduper(ctx context.Context, newDeduper func() smooch.Deduper) (failures []string) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	checks := map[string]*deduperCheck{}
	for name := range deduperChecks { // here, as newDeduper may end the test
		checks[name] = &deduperCheck{ctx: ctx, deduper: newDeduper()}
	}
	var group sync.WaitGroup
	for name, c := range checks {
		group.Go(func() { c.run(deduperChecks[name]) })
	}
	group.Wait()
	for name, c := range checks {
		if c.failure != "" {
			failures = append(failures, name+": "+c.failure)
		}
	}
	slices.Sort(failures)
	return failures
}

// A deduperCheck is one check of a deduper, on a goroutine of its own.
type deduperCheck struct {
	ctx     context.Context
	deduper smooch.Deduper
	key     string        // others that it uses begin with it
	lease   time.Duration // of claims that are to end
	failure string
	late    bool // the failure may come from slowness
}

// run makes the check, again with a longer lease if it was too slow for one.
func (c *deduperCheck) run(check func(c *deduperCheck)) {
	for _, c.lease = range deduperLeases {
		c.key, c.failure, c.late = "smoochtest|"+rand.Text(), "", false
		var group sync.WaitGroup
		group.Go(func() { check(c) })
		if group.Wait(); !c.late {
			return
		}
	}
}

// withinLease makes calls that are to come before a claim among them ends. If they do not, their
// failure says nothing.
func (c *deduperCheck) withinLease(calls func()) {
	began := time.Now()
	defer func() { c.late = c.failure != "" && time.Since(began) >= c.lease }()
	calls()
}

// failf ends the check.
func (c *deduperCheck) failf(format string, args ...any) {
	c.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// claim claims a key, which must have the wanted result, and returns the token.
func (c *deduperCheck) claim(want smooch.ClaimState, key, when string) (token string) {
	return c.claimFor(longLease, want, key, when)
}

func (c *deduperCheck) claimFor(lease time.Duration, want smooch.ClaimState, key, when string) (token string) {
	claim, err := c.deduper.Claim(c.ctx, key, lease)
	switch {
	case err != nil:
		c.failf("Claim %s: %v", when, err)
	case claim.State != want:
		c.failf("Claim %s returns %s, not %s", when, stateName(claim.State), stateName(want))
	case want == smooch.ClaimWon && claim.Token == "":
		c.failf("Claim %s returns no token", when)
	}
	return claim.Token
}

func stateName(s smooch.ClaimState) string {
	switch s {
	case smooch.ClaimWon:
		return "ClaimWon"
	case smooch.ClaimBusy:
		return "ClaimBusy"
	case smooch.ClaimDone:
		return "ClaimDone"
	}
	return fmt.Sprintf("the unknown state %d", s)
}

// succeeds ends the check if a call has failed.
func (c *deduperCheck) succeeds(call string, err error) {
	if err != nil {
		c.failf("%s: %v", call, err)
	}
}

// lost ends the check unless each method refuses a token.
func (c *deduperCheck) lost(key, token, whose string) {
	for _, call := range []struct {
		name string
		err  error
	}{
		{"Extend", c.deduper.Extend(c.ctx, key, token, longLease)},
		{"Done", c.deduper.Done(c.ctx, key, token)},
		{"Release", c.deduper.Release(c.ctx, key, token)},
	} {
		if !errors.Is(call.err, smooch.ErrClaimLost) {
			c.failf("%s with %s returns %v, not ErrClaimLost", call.name, whose, call.err)
		}
	}
}

func (c *deduperCheck) states() {
	other := c.key + "-other"
	token := c.claim(smooch.ClaimWon, c.key, "of a new key")
	c.claim(smooch.ClaimBusy, c.key, "of a claimed key")
	c.claim(smooch.ClaimWon, other, "of another key")
	c.succeeds("Done", c.deduper.Done(c.ctx, c.key, token))
	for range 2 {
		c.claim(smooch.ClaimDone, c.key, "after Done")
	}
	c.claim(smooch.ClaimBusy, other, "of another key than the one that is done")
}

func (c *deduperCheck) releasedClaim() {
	first := c.claim(smooch.ClaimWon, c.key, "of a new key")
	c.succeeds("Release", c.deduper.Release(c.ctx, c.key, first))
	second := c.claim(smooch.ClaimWon, c.key, "after Release")
	if second == first {
		c.failf("two claims of a key have the same token")
	}
	c.lost(c.key, first, "the token of a released claim")
	c.claim(smooch.ClaimBusy, c.key, "of a key that the first token cannot release")
	c.succeeds("Done with the second token", c.deduper.Done(c.ctx, c.key, second))
	c.claim(smooch.ClaimDone, c.key, "after Done with the second token")
}

func (c *deduperCheck) wrongToken() {
	for _, token := range []string{"", noToken} {
		key := c.key + token
		c.lost(key, token, "a token that never was, for an unknown key,")
		right := c.claim(smooch.ClaimWon, key, "of a key that nothing is known of")
		c.lost(key, token, "another token than that of the claim")
		c.claim(smooch.ClaimBusy, key, "of a claimed key")
		c.succeeds("Done", c.deduper.Done(c.ctx, key, right))
		c.lost(key, token, "another token than that of the record")
		c.claim(smooch.ClaimDone, key, "after Done")
	}
}

func (c *deduperCheck) done() {
	var token string
	c.withinLease(func() {
		token = c.claimFor(c.lease, smooch.ClaimWon, c.key, "of a new key")
		c.succeeds("Done", c.deduper.Done(c.ctx, c.key, token))
	})
	if err := c.deduper.Extend(c.ctx, c.key, token, c.lease); !errors.Is(err, smooch.ErrClaimLost) {
		c.failf("Extend after Done returns %v, not ErrClaimLost", err)
	}
	c.wait(c.lease + deduperSlack)
	c.claim(smooch.ClaimDone, c.key, "after Done and the end of the lease")
	c.succeeds("Release after Done", c.deduper.Release(c.ctx, c.key, token))
	c.claim(smooch.ClaimWon, c.key, "after Done and Release")
	c.lost(c.key, token, "the token of a record that was removed")
}

func (c *deduperCheck) endOfLease() {
	began := time.Now()
	first := c.claimFor(c.lease, smooch.ClaimWon, c.key, "of a new key")
	second := c.takeOver(c.key, began.Add(c.lease), time.Now().Add(c.lease))
	c.lost(c.key, first, "the token of a claim that another has followed")
	c.claim(smooch.ClaimBusy, c.key, "of a key that was claimed again")
	c.succeeds("Done", c.deduper.Done(c.ctx, c.key, second))
	c.claim(smooch.ClaimDone, c.key, "after Done")
}

// takeOver claims a key until that is won, which must not be before the earliest end of its claim,
// nor long after the latest.
func (c *deduperCheck) takeOver(key string, earliest, latest time.Time) (token string) {
	for {
		asked := time.Now()
		claim, err := c.deduper.Claim(c.ctx, key, longLease)
		switch {
		case err != nil:
			c.failf("Claim: %v", err)
		case claim.State == smooch.ClaimDone:
			c.failf("Claim returns ClaimDone for an event that was not handled")
		case claim.State == smooch.ClaimWon && time.Now().Before(earliest):
			c.failf("a claim ends %v too early", time.Until(earliest))
		case claim.State == smooch.ClaimWon:
			return claim.Token
		case asked.After(latest.Add(deduperSlack)):
			c.failf("a claim holds %v after its lease", time.Since(latest))
		}
		c.wait(50 * time.Millisecond)
	}
}

func (c *deduperCheck) expiredToken() {
	calls := map[string]func(key, token string) error{
		"Extend":  func(key, token string) error { return c.deduper.Extend(c.ctx, key, token, c.lease) },
		"Done":    func(key, token string) error { return c.deduper.Done(c.ctx, key, token) },
		"Release": func(key, token string) error { return c.deduper.Release(c.ctx, key, token) },
	}
	tokens := map[string]string{}
	for name := range calls {
		tokens[name] = c.claimFor(c.lease, smooch.ClaimWon, c.key+name, "of a new key")
	}
	c.wait(c.lease + deduperSlack)
	for name, call := range calls {
		if err := call(c.key+name, tokens[name]); !errors.Is(err, smooch.ErrClaimLost) {
			c.failf("%s after the end of the lease returns %v, not ErrClaimLost", name, err)
		}
		c.claim(smooch.ClaimWon, c.key+name, "after the end of the lease")
	}
}

func (c *deduperCheck) extendedLease() {
	var token string
	var began time.Time
	longer := 3 * c.lease
	c.withinLease(func() {
		token = c.claimFor(c.lease, smooch.ClaimWon, c.key, "of a new key")
		c.wait(c.lease / 4)
		began = time.Now()
		c.succeeds("Extend", c.deduper.Extend(c.ctx, c.key, token, longer))
	})
	c.takeOver(c.key, began.Add(longer), time.Now().Add(longer))
	c.lost(c.key, token, "the token of a claim that was extended and has ended")

	released, done := c.key+"-released", c.key+"-done"
	token = c.claim(smooch.ClaimWon, released, "of a new key")
	c.succeeds("Extend", c.deduper.Extend(c.ctx, released, token, longLease))
	c.succeeds("Release after Extend", c.deduper.Release(c.ctx, released, token))
	c.claim(smooch.ClaimWon, released, "after Release")
	token = c.claim(smooch.ClaimWon, done, "of a new key")
	c.succeeds("Extend", c.deduper.Extend(c.ctx, done, token, longLease))
	c.succeeds("Done after Extend", c.deduper.Done(c.ctx, done, token))
	c.claim(smooch.ClaimDone, done, "after Done")
}

// claimsAtOnce makes 1,000 claims at once of one key, and then of a hundred keys.
func (c *deduperCheck) claimsAtOnce() {
	for _, keys := range []int{1, 100} {
		won := c.claimAtOnce(1000, keys, fmt.Sprintf("%s-%d", c.key, keys))
		for key, token := range won {
			c.succeeds("Done of the winner", c.deduper.Done(c.ctx, key, token))
		}
	}
}

// takeoverAtOnce is claimsAtOnce after a lease has ended.
func (c *deduperCheck) takeoverAtOnce() {
	first := map[string]string{}
	for i := range 10 {
		key := fmt.Sprintf("%s-%d", c.key, i)
		first[key] = c.claimFor(c.lease, smooch.ClaimWon, key, "of a new key")
	}
	c.wait(c.lease + deduperSlack)
	won := c.claimAtOnce(200, len(first), c.key)
	for key, token := range won {
		c.lost(key, first[key], "the token of a claim that another has followed")
		c.succeeds("Done of the winner", c.deduper.Done(c.ctx, key, token))
	}
}

// claimAtOnce makes claims at once of keys that end in a number, each of which must be won by one
// of them. It returns the winners' tokens.
func (c *deduperCheck) claimAtOnce(claims, keys int, prefix string) (won map[string]string) {
	results, errs := make([]smooch.Claim, claims), make([]error, claims)
	key := func(i int) string { return fmt.Sprintf("%s-%d", prefix, i%keys) }
	c.atOnce(claims, func(i int) {
		results[i], errs[i] = c.deduper.Claim(c.ctx, key(i), longLease)
	})
	won = map[string]string{}
	for i, claim := range results {
		_, before := won[key(i)]
		switch {
		case errs[i] != nil:
			c.failf("one of %d claims at once: %v", claims, errs[i])
		case claim.State == smooch.ClaimWon && before:
			c.failf("of %d claims at once, two of one key are won", claims)
		case claim.State == smooch.ClaimWon:
			won[key(i)] = claim.Token
		case claim.State != smooch.ClaimBusy:
			c.failf("one of %d claims at once returns %s", claims, stateName(claim.State))
		}
	}
	if len(won) != keys {
		c.failf("of %d claims at once of %d keys, %d are won", claims, keys, len(won))
	}
	return won
}

// doneOrTaken ends claims at the moment when their leases end and others claim the keys: if Done
// succeeds, nobody else wins.
func (c *deduperCheck) doneOrTaken() {
	const keys = 60
	var tokens [keys]string
	var taken [keys]bool
	var done, errs [keys]error
	key := func(i int) string { return fmt.Sprintf("%s-%d", c.key, i) }
	for i := range keys {
		tokens[i] = c.claimFor(c.lease, smooch.ClaimWon, key(i), "of a new key")
	}
	began := time.Now()
	c.atOnce(2*keys, func(i int) {
		if i < keys { // they are spread around the end of the lease
			c.wait(time.Until(began.Add(c.lease + time.Duration(i-keys/2)*10*time.Millisecond)))
			done[i] = c.deduper.Done(c.ctx, key(i), tokens[i])
			return
		}
		i -= keys
		for deadline := began.Add(c.lease + 2*deduperSlack); errs[i] == nil && time.Now().Before(deadline); {
			var claim smooch.Claim
			claim, errs[i] = c.deduper.Claim(c.ctx, key(i), longLease)
			if taken[i] = claim.State == smooch.ClaimWon; taken[i] || claim.State == smooch.ClaimDone {
				return
			}
			c.wait(5 * time.Millisecond)
		}
	})
	for i := range keys {
		switch {
		case errs[i] != nil:
			c.failf("Claim: %v", errs[i])
		case done[i] != nil && !errors.Is(done[i], smooch.ErrClaimLost):
			c.failf("Done: %v", done[i])
		case done[i] == nil && taken[i]:
			c.failf("Done has succeeded, but another claim was won as well")
		case done[i] != nil && !taken[i]:
			c.failf("Done returns ErrClaimLost, but the key cannot be claimed")
		}
	}
}

// extensionAtOnce extends claims while they end: the end prevails.
func (c *deduperCheck) extensionAtOnce() {
	const keys = 50
	var tokens [keys]string
	var extended, ended [keys]error
	key := func(i int) string { return fmt.Sprintf("%s-%d", c.key, i) }
	for i := range keys {
		tokens[i] = c.claim(smooch.ClaimWon, key(i), "of a new key")
		c.succeeds("Extend", c.deduper.Extend(c.ctx, key(i), tokens[i], longLease))
	}
	c.atOnce(2*keys, func(i int) {
		switch {
		case i >= keys:
			extended[i-keys] = c.deduper.Extend(c.ctx, key(i-keys), tokens[i-keys], longLease)
		case i%2 == 0:
			ended[i] = c.deduper.Done(c.ctx, key(i), tokens[i])
		default:
			ended[i] = c.deduper.Release(c.ctx, key(i), tokens[i])
		}
	})
	for i := range keys {
		c.succeeds("Done or Release, while the claim is extended", ended[i])
		if extended[i] != nil && !errors.Is(extended[i], smooch.ErrClaimLost) {
			c.failf("Extend, while the claim ends: %v", extended[i])
		}
		want := [2]smooch.ClaimState{smooch.ClaimDone, smooch.ClaimWon}[i%2]
		c.claim(want, key(i), "of a claim that was ended while it was extended")
	}
}

// differentKeys claims keys that a store could take for the same one, or for a pattern or a path.
func (c *deduperCheck) differentKeys() {
	long := strings.Repeat("k", 254-len(c.key))
	for _, end := range []string{
		"", "a", "A", "a ", " a", "a.b", "a*b", "a>b", "a/b", "a\\b", "a/../b", "a|b", "a:b", "a?b", "a%b", "a%20b", "a b", "a+b",
		"a\nb", "a\x00b", "a\"b", "a'b", "{a}b", "{a}", "ä", "a\u0308", "\xff", "日本", ".", "*", ">", long + "1", long + "2",
	} {
		key := c.key + end
		c.claim(smooch.ClaimWon, key, fmt.Sprintf("of the new key %q", key))
		c.claim(smooch.ClaimBusy, key, fmt.Sprintf("of the claimed key %q", key))
	}
}

// atOnce runs n calls of f side by side.
func (c *deduperCheck) atOnce(n int, f func(i int)) {
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	group.Wait()
}

// wait returns after d, or when the test ends.
func (c *deduperCheck) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.ctx.Done():
	}
}
