package natsqueue

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Take implements fleet.Queue. A message that is no job of the campaign is taken out.
func (q *Queue) Take(ctx context.Context, c *fleet.Campaign, kind fleet.Kind) (fleet.Lease, error) {
	l, err := q.take(ctx, c, kind)
	if errors.Is(err, nats.ErrNoResponders) { // the consumer has gone, or is one that was made anew
		q.forget(consumerName(c, kind))
		l, err = q.take(ctx, c, kind)
	}
	return l, err
}

func (q *Queue) take(ctx context.Context, c *fleet.Campaign, kind fleet.Kind) (fleet.Lease, error) {
	from, err := q.consumer(ctx, consumerName(c, kind))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil, fleet.ErrNoJob // the campaign was removed
	}
	if err != nil {
		return nil, err
	}
	batch, err := from.FetchNoWait(1)
	if err != nil {
		return nil, err
	}
	m, ok := <-batch.Messages()
	if !ok {
		return nil, cmp.Or(batch.Error(), fleet.ErrNoJob)
	}
	job, err := fleet.ParseJob(m.Data(), c)
	if err == nil && job.Kind != kind {
		err = fleet.ErrJob
	}
	if err != nil {
		return nil, errors.Join(err, m.TermWithReason(err.Error()))
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	return &lease{m, job, int(meta.NumDelivered), c.Lease}, nil
}

// consumer returns the consumer of a name.
func (q *Queue) consumer(ctx context.Context, name string) (jetstream.Consumer, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.consumers[name]; c != nil {
		return c, nil
	}
	c, err := q.js.Consumer(ctx, jobsStream, name)
	if err == nil {
		q.consumers[name] = c
	}
	return c, err
}

func (q *Queue) forget(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.consumers, name)
}

// lease is a message that is not acknowledged.
type lease struct {
	message  jetstream.Msg
	job      fleet.Job
	delivery int
	expiry   time.Duration
}

func (l *lease) Job() fleet.Job               { return l.job }
func (l *lease) Delivery() int                { return l.delivery }
func (l *lease) Expiry() time.Duration        { return l.expiry }
func (l *lease) Extend(context.Context) error { return l.message.InProgress() }

// Times for the end of a lease. A server that begins again needs some seconds, and does not
// answer if it has forgotten the lease: then the job comes again, and has its result.
const (
	ackTimeout = time.Second
	ackTries   = 5
)

// Done waits until the server has it: otherwise the job would come again.
func (l *lease) Done(ctx context.Context) (err error) {
	for range ackTries {
		if err = l.ack(ctx); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			break
		}
	}
	if errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
		return nil // the answer to an earlier try was lost
	}
	return err
}

func (l *lease) ack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	return l.message.DoubleAck(ctx)
}

func (l *lease) Return(_ context.Context, delay time.Duration) error {
	return l.message.NakWithDelay(delay)
}
