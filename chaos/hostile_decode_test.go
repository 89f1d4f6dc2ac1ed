package chaos

import (
	"fmt"
	"strings"
	"time"
)

// hugeSize returns the size of the bodies of hugeServers.
// At full size, it is just below the default of WithMaxResponse.
func hugeSize() int { return sized(8_000_000, 30_000_000) }

// hugeLimits are about twelve times what is sent, including what is garbage.
func hugeLimits() limits {
	return limits{Timeout: 10 * time.Second, Most: 10 * time.Second, memory: 12*hugeSize()>>20 + 112}
}

// lateLimits are those of calls whose context ends while the response is decoded. What they have
// left is decoded at the same time.
func lateLimits() limits {
	return limits{10 * time.Second, 300 * time.Millisecond, 10 * time.Second, 18*hugeSize()>>20 + 112}
}

// fills returns what answers requests with 200 and as many items as it takes to send hugeSize
// bytes. In head, ENVELOPE, ITEMS and FREE stand for the names of the resource, of a list of
// structs in it and of a map of anything in it.
func fills(head, item, tail string) func(*visit) {
	return func(v *visit) {
		items := strings.Repeat(item, hugeSize()/len(item))
		for v.request() {
			names := strings.NewReplacer("ENVELOPE", "appUser", "ITEMS", "clients", "FREE", "properties")
			if strings.Contains(v.good(), `"message"`) {
				names = strings.NewReplacer("ENVELOPE", "message", "ITEMS", "actions", "FREE", "metadata")
			}
			v.answer("200 OK", jsonType, names.Replace(head)+items+names.Replace(tail))
		}
	}
}

// hugeServers answer with JSON that takes far more memory or time than most of its length.
func hugeServers() []hostileServer {
	deep := strings.Repeat(`{"":`, 4000) + "1" + strings.Repeat("}", 4000) + ","
	lists := strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + ","
	padded := "{}" + strings.Repeat(" ", sized(90, 150)) + ","
	var names strings.Builder
	for i := 0; names.Len() < hugeSize()/2-100; i++ {
		fmt.Fprintf(&names, `"%x":1,`, i)
	}
	servers := []hostileServer{
		{name: "empty objects for structs", serve: fills(`{"ENVELOPE":{"_id":"a","ITEMS":[`, `{},`, `{}]}}`), read: "unreadable"},
		{name: "numbers for structs", serve: fills(`{"ENVELOPE":{"_id":"a","ITEMS":[`, `1,`, `1]}}`), read: "unreadable"},
		{name: "a list again and again", serve: fills(`{"ENVELOPE":{"_id":"a",`, `"clients":[{}],"actions":[{}],`, `"x":0}}`), read: "unreadable"},
		{name: "a map of short names", serve: body(`{"ENVELOPE":{"_id":"a","properties":{` + names.String() + `"":1},"metadata":{` + names.String() + `"":1}}}`), read: "unreadable"},
		{name: "maps of one member", serve: fills(`{"ENVELOPE":{"_id":"a","FREE":{"a":[`, `{"":0},`, `0]}}}`), read: "unreadable"},
		{name: "maps in maps", serve: fills(`{"ENVELOPE":{"_id":"a","FREE":{"a":[`, deep, `0]}}}`), read: "unreadable"},
		{name: "lists in lists", serve: fills(`{"ENVELOPE":{"_id":"a","FREE":{"a":[`, lists, `0]}}}`), read: "unreadable"},
		{name: "numbers in a list", serve: fills(`{"ENVELOPE":{"_id":"a","FREE":{"a":[`, `1,`, `0]}}}`), read: "unreadable"},
		{name: "almost too many structs", serve: fills(`{"ENVELOPE":{"_id":"a","ITEMS":[`, padded, `{}]}}`), read: "ok|unreadable"},
		{name: "almost too many structs and an odd one", serve: fills(`{"ENVELOPE":{"_id":"a","ITEMS":[`, padded, `""]}}`), read: "ok|unreadable"},
		{name: "unknown members beside the resource", serve: fills(`{"ENVELOPE":{"_id":"a"}`, `,"x":0`, `}`), read: "ok"},
		{name: "unknown members", serve: fills(`{"ENVELOPE":{"_id":"a"`, `,"x":0`, `}}`), read: "ok"},
		{name: "bytes that are not UTF-8", serve: fills(`{"ENVELOPE":{"_id":"a","avatarUrl":"`, "\xff", `"}}`), read: "ok|unreadable"},
	}
	for i := range servers {
		servers[i].limits = hugeLimits
	}
	return servers[:sized(9, len(servers))] // the others take seconds each
}

// lateServers are those of hugeServers that take long to decode, as nothing is wrong with them. The
// context ends meanwhile.
func lateServers() []hostileServer {
	var servers []hostileServer
	for _, server := range hugeServers() {
		if strings.Contains(server.read, "ok") {
			server.name += ", until the context ends"
			server.limits = lateLimits
			servers = append(servers, server)
		}
	}
	return servers
}
