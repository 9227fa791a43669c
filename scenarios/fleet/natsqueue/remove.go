package natsqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/nats-io/nats.go/jetstream"
)

// Remove implements fleet.Queue. The job of a worker goes on, and its result is then of no
// campaign: it is removed with the next campaign of the name.
func (q *Queue) Remove(ctx context.Context, name string) error {
	if err := fleet.CheckName(name); err != nil { // it is a part of subjects
		return fmt.Errorf("%w: %w", fleet.ErrCampaign, err)
	}
	if err := purge(ctx, q.js, "KV_"+campaignsBucket, fmt.Sprintf("$KV.%s.%s", campaignsBucket, name)); err != nil {
		return err
	}
	if err := q.deleteConsumers(ctx, name+"_"); err != nil {
		return err
	}
	if err := q.dropPrograms(ctx); err != nil {
		return err
	}
	if err := purge(ctx, q.js, jobsStream, fmt.Sprintf("%s.%s.>", jobsSubject, name)); err != nil {
		return err
	}
	return purge(ctx, q.js, "KV_"+resultsBucket, fmt.Sprintf("$KV.%s.%s.>", resultsBucket, name))
}

// deleteConsumers deletes the consumers by a prefix of their names.
func (q *Queue) deleteConsumers(ctx context.Context, prefix string) error {
	s, err := q.js.Stream(ctx, jobsStream)
	if err != nil {
		return err
	}
	all := s.ConsumerNames(ctx)
	for name := range all.Name() {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if e := s.DeleteConsumer(ctx, name); !errors.Is(e, jetstream.ErrConsumerNotFound) {
			err = errors.Join(err, e)
		}
	}
	return errors.Join(err, all.Err())
}

func purge(ctx context.Context, js jetstream.JetStream, stream, subject string) error {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSubject(subject))
}
