// Package smoochredis shares the work of package smooch among processes, on a Redis server: a
// [Deduper], so that each webhook event is handled once by one of several receivers, and a
// [Limiter], so that all processes together keep below one rate of calls.
//
//	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
//	receiver, err := smooch.NewWebhookReceiver(secrets,
//		smooch.WithDeduper(smoochredis.NewDeduper(client, "bot", 24*time.Hour)))
//	caller, err := smooch.NewClient(credential,
//		smooch.WithLimiter(smoochredis.NewLimiter(client, "bot", 100, 20)))
//
// Both work with a single server, with Sentinel and with a cluster, of Redis 5 or later. Each call
// of Redis is given up after 2 seconds, whatever the options of the client are.
package smoochredis
