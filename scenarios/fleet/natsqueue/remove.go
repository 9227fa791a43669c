package natsqueue

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/nats-io/nats.go/jetstream"
)

// Remove implements fleet.Queue. The job of a worker goes on, and its result is then of no
// campaign: it is removed with the next campaign of the name.
func (q *Queue) Remove(ctx context.Context, campaign string) error {
	if err := purge(ctx, q.js, "KV_"+campaignsBucket, fmt.Sprintf("$KV.%s.%s", campaignsBucket, campaign)); err != nil {
		return err
	}
	for _, kind := range fleet.Kinds() {
		err := q.js.DeleteConsumer(ctx, jobsStream, consumerName(campaign, kind))
		if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return err
		}
	}
	if err := q.dropPrograms(ctx); err != nil {
		return err
	}
	if err := purge(ctx, q.js, jobsStream, fmt.Sprintf("%s.%s.>", jobsSubject, campaign)); err != nil {
		return err
	}
	return purge(ctx, q.js, "KV_"+resultsBucket, fmt.Sprintf("$KV.%s.%s.>", resultsBucket, campaign))
}

func purge(ctx context.Context, js jetstream.JetStream, stream, subject string) error {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSubject(subject))
}
