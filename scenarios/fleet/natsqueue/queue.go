package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Names of the streams and buckets.
const (
	jobsStream      = "LOCKSTEP_JOBS"
	jobsSubject     = "lockstep.jobs"
	campaignsBucket = "lockstep-campaigns"
	resultsBucket   = "lockstep-results"
	workersBucket   = "lockstep-workers"
	programsBucket  = "lockstep-programs"
)

// beatTime is the time for which the queue tells of a worker.
const beatTime = time.Minute

// Queue is a fleet.Queue.
type Queue struct {
	js        jetstream.JetStream
	campaigns jetstream.KeyValue
	results   jetstream.KeyValue
	workers   jetstream.KeyValue

	mu        sync.Mutex
	consumers map[string]jetstream.Consumer // by name: the server is asked once
}

// Bounds of the streams that workers write. That of all results is the room of the server's
// store.
const (
	maxWorkers     = 2048
	maxWorkerBytes = 16 << 20 // of all in memory
	maxBeat        = 4 << 10
	maxJob         = 8 << 10
	maxJobBytes    = 256 << 20 // of all jobs
)

// Setup makes the streams and buckets, or brings them up to date. replicas is the number
// of servers that keep each.
func Setup(ctx context.Context, nc *nats.Conn, replicas int) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	_, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: campaignsBucket, Storage: jetstream.FileStorage, Replicas: replicas})
	for _, s := range streams() {
		if err == nil {
			s.Replicas = replicas
			_, err = js.CreateOrUpdateStream(ctx, s)
		}
	}
	if err == nil {
		_, err = js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: programsBucket, Description: "programs of campaigns", Storage: jetstream.FileStorage, Replicas: replicas})
	}
	if err != nil {
		return fmt.Errorf("the streams of the fleet could not be made: %w", err)
	}
	return nil
}

// streams returns the streams that workers write. They are no buckets as NATS makes them,
// in which a message may delete all others: a job and a result are written once, and only
// an operator purges them. Of the workers the oldest reports make room for new ones.
func streams() []jetstream.StreamConfig {
	results, workers := bucketOf(resultsBucket), bucketOf(workersBucket)
	results.MaxMsgSize, results.Discard, results.DiscardNewPerSubject = fleet.MaxResult, jetstream.DiscardNew, true
	workers.Storage, workers.MaxAge, workers.Duplicates = jetstream.MemoryStorage, beatTime, beatTime
	workers.MaxMsgs, workers.MaxBytes, workers.MaxMsgSize = maxWorkers, maxWorkerBytes, maxBeat
	return []jetstream.StreamConfig{{
		Name: jobsStream, Description: "jobs that are not done", Subjects: []string{jobsSubject + ".>"},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, MaxMsgSize: maxJob, MaxBytes: maxJobBytes,
		Discard: jetstream.DiscardNew, MaxMsgsPerSubject: 1, DiscardNewPerSubject: true,
	}, results, workers}
}

// bucketOf returns the stream of a bucket of one value a key.
func bucketOf(name string) jetstream.StreamConfig {
	return jetstream.StreamConfig{Name: "KV_" + name, Subjects: []string{"$KV." + name + ".>"}, Storage: jetstream.FileStorage, MaxMsgsPerSubject: 1, AllowDirect: true, DenyDelete: true}
}

// Open opens the queue that Setup has made.
func Open(ctx context.Context, nc *nats.Conn) (*Queue, error) {
	js, err := openAPI(ctx, nc)
	if err != nil {
		return nil, err
	}
	q := &Queue{js: js, consumers: map[string]jetstream.Consumer{}}
	for _, b := range []struct {
		name   string
		bucket *jetstream.KeyValue
	}{{campaignsBucket, &q.campaigns}, {resultsBucket, &q.results}, {workersBucket, &q.workers}} {
		*b.bucket, err = js.KeyValue(ctx, b.name)
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			return nil, fmt.Errorf("%w: its bucket %s is missing: %w; fleet serve makes it, also in a cluster of your own (--nats)", ErrNotReady, b.name, err)
		}
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) { // it begins, or says nothing to this user
			return nil, fmt.Errorf("%w: its bucket %s does not answer: %w; may this user read it?", ErrNotReady, b.name, err)
		}
		if err != nil {
			return nil, fmt.Errorf("bucket %s of the fleet: %w", b.name, err)
		}
	}
	return q, nil
}

// importPrefix begins the imported requests in an account of workers: the usual ones reach
// its own JetStream, which is none.
const importPrefix = "fleet"

// openAPI returns JetStream as the account of the connection has it.
func openAPI(ctx context.Context, nc *nats.Conn) (jetstream.JetStream, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	if _, err := js.Stream(ctx, "KV_"+campaignsBucket); errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return jetstream.NewWithAPIPrefix(nc, importPrefix)
	}
	return js, nil
}

// AddCampaign implements fleet.Queue. One that is there is left as it is, but for consumers
// that the server has lost.
func (q *Queue) AddCampaign(ctx context.Context, c *fleet.Campaign) error {
	kept, err := q.campaign(ctx, c.Name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		kept, err = q.create(ctx, c)
	}
	if err != nil {
		return err
	}
	if err := kept.CheckSame(c); err != nil {
		return err
	}
	c.ID = kept.ID
	return q.addConsumers(ctx, c)
}

// create puts a new campaign, and returns the one that is there then: another process may
// have put one meanwhile.
func (q *Queue) create(ctx context.Context, c *fleet.Campaign) (kept *fleet.Campaign, err error) {
	c.Identify()
	if err := q.addConsumers(ctx, c); err != nil { // before the campaign, so that a worker that knows it finds them
		return nil, err
	}
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if _, err = q.campaigns.Create(ctx, c.Name, data); err == nil {
		return c, nil
	}
	if !errors.Is(err, jetstream.ErrKeyExists) {
		return nil, err
	}
	if kept, err = q.campaign(ctx, c.Name); err == nil && kept.ID != c.ID {
		err = q.deleteConsumers(ctx, consumerPrefix(c))
	}
	return kept, err
}

// addConsumers makes the consumers of a campaign, unless they are there.
func (q *Queue) addConsumers(ctx context.Context, c *fleet.Campaign) error {
	for _, kind := range fleet.Kinds() {
		_, err := q.js.CreateOrUpdateConsumer(ctx, jobsStream, jetstream.ConsumerConfig{
			Durable: consumerName(c, kind), FilterSubject: fmt.Sprintf("%s.%s.%s.*", jobsSubject, c.Key(), kind),
			AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.Lease, MaxDeliver: -1, MaxAckPending: fleet.MaxRanges,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// consumerName is that of a campaign's jobs of a kind: NAME_ID_KIND.
func consumerName(c *fleet.Campaign, kind fleet.Kind) string { return consumerPrefix(c) + string(kind) }

func consumerPrefix(c *fleet.Campaign) string { return strings.Replace(c.Key(), ".", "_", 1) + "_" }

func (q *Queue) campaign(ctx context.Context, name string) (*fleet.Campaign, error) {
	e, err := q.campaigns.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	var c fleet.Campaign
	if err := json.Unmarshal(e.Value(), &c); err != nil {
		return nil, fmt.Errorf("campaign %s: %w: %w", name, fleet.ErrCampaign, err)
	}
	if c.Name != name {
		return nil, fmt.Errorf("campaign %s: %w: it has the name %q", name, fleet.ErrCampaign, c.Name)
	}
	return &c, c.Validate()
}

// Campaigns implements fleet.Queue. A campaign that is damaged is passed over: submitting
// it again tells why.
func (q *Queue) Campaigns(ctx context.Context) (list []*fleet.Campaign, _ error) {
	keys, err := q.keysOf(ctx, campaignsBucket)
	for _, name := range keys {
		c, err := q.campaign(ctx, name)
		if err == nil {
			list = append(list, c)
		} else if ctx.Err() != nil {
			return nil, err
		}
	}
	return list, err
}

// keysOf lists the keys of a bucket, in order, also of values that were deleted. It makes no
// consumer: a worker that may could have one send anything anywhere.
func (q *Queue) keysOf(ctx context.Context, bucket string) ([]string, error) {
	s, err := q.js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return nil, err
	}
	prefix := "$KV." + bucket + "."
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
		keys = append(keys, strings.TrimPrefix(subject, prefix))
	}
	return keys, nil
}

// AddJobs implements fleet.Queue. A job that is there is refused by its subject.
func (q *Queue) AddJobs(ctx context.Context, c *fleet.Campaign, jobs []fleet.Job) error {
	var sent []jetstream.PubAckFuture
	for _, j := range jobs {
		data, err := json.Marshal(j)
		if err != nil {
			return err
		}
		ack, err := q.js.PublishAsync(fmt.Sprintf("%s.%s.%s.%s", jobsSubject, c.Key(), j.Kind, j.Key()), data, jetstream.WithStallWait(10*time.Second))
		if err != nil {
			return err
		}
		sent = append(sent, ack)
	}
	for _, ack := range sent {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ack.Ok():
		case err := <-ack.Err():
			if !isThere(err) {
				return err
			}
		}
	}
	return nil
}

// isThere reports whether a message was refused because its subject has one.
func isThere(err error) bool {
	return err != nil && strings.Contains(err.Error(), "maximum messages per subject exceeded")
}

// Put implements fleet.Queue.
func (q *Queue) Put(ctx context.Context, c *fleet.Campaign, kind fleet.Kind, key string, result []byte) ([]byte, error) {
	if len(result) > fleet.MaxResult {
		return nil, fmt.Errorf("%w: %d bytes, want at most %d: submit with fewer seeds in a range", fleet.ErrResult, len(result), fleet.MaxResult)
	}
	_, err := q.results.Create(ctx, resultKey(c, kind, key), result)
	if errors.Is(err, jetstream.ErrKeyExists) || isThere(err) {
		return q.Result(ctx, c, kind, key)
	}
	return result, err
}

func resultKey(c *fleet.Campaign, kind fleet.Kind, key string) string {
	return fmt.Sprintf("%s.%s.%s", c.Key(), kind, key)
}

// Result implements fleet.Queue.
func (q *Queue) Result(ctx context.Context, c *fleet.Campaign, kind fleet.Kind, key string) ([]byte, error) {
	e, err := q.results.Get(ctx, resultKey(c, kind, key))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, fleet.ErrNoResult
	}
	if err != nil {
		return nil, err
	}
	return e.Value(), nil
}

// errNoAnswer is wrapped by the error about results that do not come. The server says
// nothing to a user without the right to read them.
var errNoAnswer = errors.New("the queue does not answer: may this user read the results?")

// Results implements fleet.Queue.
func (q *Queue) Results(ctx context.Context, c *fleet.Campaign, kind fleet.Kind, f func(string, []byte)) error {
	return q.watch(ctx, c, kind, f)
}

// watch calls f with all results of a kind.
func (q *Queue) watch(ctx context.Context, c *fleet.Campaign, kind fleet.Kind, f func(string, []byte), options ...jetstream.WatchOpt) error {
	prefix := resultKey(c, kind, "")
	w, err := q.results.Watch(ctx, prefix+"*", append(options, jetstream.IgnoreDeletes())...)
	if (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrJetStreamNotEnabled)) && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			if !ok {
				return errors.New("the connection to the queue has ended")
			}
			if e == nil { // all that were there
				return nil
			}
			f(strings.TrimPrefix(e.Key(), prefix), e.Value())
		}
	}
}

// Done implements fleet.Queue. Of the results only the keys are read.
func (q *Queue) Done(ctx context.Context, c *fleet.Campaign, kind fleet.Kind) (keys []string, err error) {
	err = q.watch(ctx, c, kind, func(key string, _ []byte) { keys = append(keys, key) }, jetstream.MetaOnly())
	return keys, err
}

// Left implements fleet.Queue. A consumer that the server has lost is made anew: its jobs
// are in the stream.
func (q *Queue) Left(ctx context.Context, c *fleet.Campaign, kind fleet.Kind) (fleet.Left, error) {
	from, err := q.js.Consumer(ctx, jobsStream, consumerName(c, kind))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		if err := q.mend(ctx, c); err != nil {
			return fleet.Left{}, fmt.Errorf("campaign %s: %w", c.Name, err)
		}
		from, err = q.js.Consumer(ctx, jobsStream, consumerName(c, kind))
	}
	if err != nil {
		return fleet.Left{}, fmt.Errorf("the jobs of campaign %s: %w", c.Name, err)
	}
	info := from.CachedInfo()
	return fleet.Left{Waiting: int(info.NumPending), Leased: info.NumAckPending}, nil
}

// mend makes the consumers of a campaign anew, unless it was removed.
func (q *Queue) mend(ctx context.Context, c *fleet.Campaign) error {
	kept, err := q.campaign(ctx, c.Name)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound) || err == nil && kept.Key() != c.Key():
		return fleet.ErrRemoved
	case err != nil:
		return err
	}
	return q.addConsumers(ctx, kept)
}

// Beat implements fleet.Queue.
func (q *Queue) Beat(ctx context.Context, w *fleet.WorkerStatus) error {
	data, err := json.Marshal(w)
	if err != nil {
		return err
	}
	_, err = q.workers.Put(ctx, w.Name, data)
	return err
}

// Workers implements fleet.Queue. A report that is none of a worker is passed over.
func (q *Queue) Workers(ctx context.Context) (list []*fleet.WorkerStatus, _ error) {
	keys, err := q.keysOf(ctx, workersBucket)
	for _, name := range keys[:min(len(keys), maxWorkers)] {
		e, err := q.workers.Get(ctx, name)
		if err != nil {
			continue // it has gone
		}
		if w, err := fleet.ParseWorker(name, e.Value()); err == nil {
			list = append(list, w)
		}
	}
	return list, err
}
