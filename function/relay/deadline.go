package relay

import (
	"context"
	"time"
)

// gatewayLimit is how long API Gateway waits for an integration,
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html.
const gatewayLimit = 29 * time.Second

// answerMargin is the time kept to say that time is up before Lambda or the
// gateway cuts the answer off.
const answerMargin = 500 * time.Millisecond

// deadline is when the relay itself must have an answer.
func deadline(ctx context.Context, start time.Time) time.Time {
	limit := start.Add(gatewayLimit)
	if own, ok := ctx.Deadline(); ok {
		limit = earlier(limit, own)
	}
	return limit.Add(-answerMargin)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
