package natsqueue

import (
	"context"
	"time"
)

// DropParts removes the parts of programs that are of none, older than a time.
func (q *Queue) DropParts(ctx context.Context, older time.Duration) error {
	bucket, err := q.programs(ctx)
	if err != nil {
		return err
	}
	all, err := list(ctx, bucket)
	if err != nil {
		return err
	}
	return q.dropParts(ctx, all, older)
}
