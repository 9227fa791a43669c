package steward

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// errWebhook is wrapped by errors about a message that was not taken.
var errWebhook = errors.New("the webhook did not take the message")

// Times of a webhook.
const (
	webhookTimeout = 10 * time.Second
	webhookTries   = 3
)

// Webhook returns a function that posts the end of a campaign to a URL, as JSON.
func Webhook(to string) func(context.Context, *Ending) error {
	return func(ctx context.Context, e *Ending) (err error) {
		data, err := json.Marshal(e)
		if err != nil {
			return err
		}
		for range webhookTries {
			if err = post(ctx, to, data); err == nil || ctx.Err() != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		return err
	}
}

func post(ctx context.Context, to string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(data))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		if in := (*url.Error)(nil); errors.As(err, &in) {
			err = in.Err // without the URL, whose path may be a secret
		}
		return fmt.Errorf("%w: %s: %w", errWebhook, r.URL.Host, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%w: %s: %s", errWebhook, r.URL.Host, answer.Status)
	}
	return nil
}
