// Package smoochnats handles the webhooks of Smooch in many processes, on NATS JetStream 2.11 or
// later.
//
// [NewQueue] returns a durable queue that keeps the order of events per user. [NewDeduper] returns
// a [smooch.Deduper] that all processes share.
//
//	js, _ := jetstream.New(conn)
//	queue, err := smoochnats.NewQueue(ctx, js, smoochnats.QueueConfig{Replicas: 3})
//	deduper, err := smoochnats.NewDeduper(ctx, js, smoochnats.DeduperConfig{Replicas: 3})
//
//	// In the processes that receive webhooks:
//	receiver, err := smooch.NewWebhookReceiver(secrets, smooch.WithQueue(queue))
//	http.Handle("/smooch", receiver)
//
//	// In the processes that handle them:
//	worker, err := smooch.NewWebhookReceiver(nil, smooch.WithDeduper(deduper))
//	smooch.Handle(worker, func(ctx context.Context, e *smooch.MessageEvent) error { ... })
//	err = queue.Run(ctx, worker)
package smoochnats
