// Package relay takes one request from the caller to the downstream API and returns its
// answer. It is the only package that knows every step:
//
//	relay := relay.New(relay.Config{Destinations: set, Secrets: secrets, Log: os.Stdout})
//	lambda.Start(gateway.Lambda(relay, relay.Deliver))
//
// A refused request never touches the API's credential. Every answer, including a refusal, carries
// Proxy-Status (RFC 9209). Refusals and failures are application/problem+json (RFC 9457)
// with the names that docs/errors.md lists. One log entry is written per request.
//
// Limits: an answer takes at most 29 s, the gateway's own limit, minus half a second in
// which the relay itself says that time is up.
package relay

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/caller"
	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/later"
	"keyrelay/function/plan"
	"keyrelay/function/secret"
	"keyrelay/function/session"
	"keyrelay/function/upstream"
)

// gatewayLimit is how long API Gateway waits for an integration,
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html.
const gatewayLimit = 29 * time.Second

// answerMargin is the time kept to say that time is up before Lambda or the
// gateway cuts the answer off.
const answerMargin = 500 * time.Millisecond

// Config says what a Relay uses. Every field but Tokens, CallerKeys, CallerNames, Queue,
// LogLevel and FunctionName is required.
type Config struct {
	// Destinations are what the relay may call.
	Destinations *destination.Set
	// Secrets reads the secrets that the destinations and CallerKeys name.
	Secrets *secret.Store
	// Tokens is the table in which instances share the credentials that they retrieve; nil
	// if each keeps its own.
	Tokens *cache.Table
	// CallerKeys names the secret with the callers' keys, one of which a caller must send
	// as X-Api-Key; see caller.Config. With the zero Reference, every caller is served.
	CallerKeys destination.Reference
	// CallerNames maps the ids of API keys and the ARNs of IAM principals, as a gateway
	// names them, to callers' names.
	CallerNames map[string]string
	// Queue takes what is accepted now and delivered later. If it is nil, everything is
	// sent at once, and Deliver neither postpones messages nor makes them dead letters.
	Queue *later.Queue
	// Log receives one JSON object and a line break per request, in one Write.
	Log io.Writer
	// LogLevel is the lowest level of the entries that are written.
	LogLevel slog.Level
	// FunctionName adds metrics for that function in CloudWatch's embedded metric
	// format to each log entry; empty adds none.
	FunctionName string
}

// A Relay handles requests. It is safe for concurrent use.
type Relay struct {
	config      Config
	callers     *caller.Callers
	sessions    *session.Checker
	credentials *credential.Store
	upstream    *upstream.Client
	reach       later.Reach
	// answers is the memory that the answers to deliveries take, in bytes.
	answers atomic.Int64
	pace    later.Pace

	// received and vary are header values of relayed answers, made once.
	received   map[int][]string
	vary       []string
	simpleList func() *regexp.Regexp
	lines      *sync.Pool
}

// New returns a Relay that has sent nothing yet.
func New(config Config) *Relay {
	client := upstream.New(config.Secrets)
	credentials := credential.New(config.Secrets, client.Call, config.Tokens)
	return &Relay{
		config:      config,
		sessions:    session.New(config.Secrets, credentials, client.Call),
		credentials: credentials,
		upstream:    client,
		received:    commonProxyStatus(),
		vary:        []string{"*"},
		simpleList:  sync.OnceValue(simpleList),
		lines:       linePool(),
		callers:     caller.New(caller.Config{Secrets: config.Secrets, Keys: config.CallerKeys, Names: config.CallerNames}),
	}
}

// Destinations returns what the relay may call.
func (r *Relay) Destinations() []*destination.Destination {
	return r.config.Destinations.Destinations()
}

// Warnings returns the warnings about the documents that the log shows at the start.
func (r *Relay) Warnings() []destination.Warning {
	return slices.DeleteFunc(slices.Clone(r.config.Destinations.Warnings()), func(w destination.Warning) bool { return !w.AtStart })
}

// Close closes idle connections. The Relay stays usable.
func (r *Relay) Close() { r.upstream.Close() }

// Handle answers one request. With Refuse it makes the Relay a gateway.Handler.
func (r *Relay) Handle(ctx context.Context, request *gateway.Request) *gateway.Response {
	entry := newLogEntry(request)
	response, err := r.relay(ctx, request, &entry)
	if err == nil {
		response.Header["X-Relay-Request-Id"] = request.IDField()
		if !request.Fits(response) {
			err = answerTooLarge(&entry)
		}
	}
	return r.finish(request, response, err, &entry)
}

// Refuse answers a request that could not be read; err says why.
func (r *Relay) Refuse(_ context.Context, request *gateway.Request, err error) *gateway.Response {
	entry := newLogEntry(request)
	return r.finish(request, nil, err, &entry)
}

// finish makes the answer of an error, and writes the log entry.
func (r *Relay) finish(request *gateway.Request, response *gateway.Response, err error, entry *logEntry) *gateway.Response {
	if err != nil {
		response = refuse(err, entry)
		response.Header["X-Relay-Request-Id"] = request.IDField()
	}
	entry.finish(response)
	r.write(entry)
	return response
}

// relay takes every step of one request, in order.
func (r *Relay) relay(ctx context.Context, request *gateway.Request, entry *logEntry) (response *gateway.Response, err error) {
	defer catch(&err)
	if request.Caller, err = r.callers.Identify(ctx, request); err != nil {
		return nil, err
	}
	entry.caller = request.Caller
	err = request.ReadBody()
	entry.received(ctx, request)
	if err != nil {
		return nil, err
	}
	outbound, err := plan.New(r.config.Destinations, request)
	if err != nil {
		return nil, err
	}
	entry.planned(outbound)
	deferred := outbound.Later && r.config.Queue != nil
	switch {
	case outbound.DryRun:
		return dryRun(outbound, deferred), nil
	case outbound.Batch != nil:
		return r.batch(ctx, request, outbound, entry, deferred)
	}
	if err := checkSession(ctx, outbound, entry, r.sessions.Check); err != nil {
		return nil, err
	}
	if deferred {
		return r.accept(ctx, request, outbound, entry)
	}
	return r.send(ctx, outbound, entry)
}

// catch, deferred, makes a panic an error like any other fault of the relay.
func catch(err *error) {
	if recover() != nil {
		*err = &cache.Panic{Stack: debug.Stack()}
	}
}

// send gets the credential, sends, and repeats that once when the answer refuses the
// credential and there is another one.
func (r *Relay) send(ctx context.Context, outbound *plan.Plan, entry *logEntry) (*gateway.Response, error) {
	used, err := r.credential(ctx, outbound, entry)
	if err != nil {
		return nil, err
	}
	answer, err := r.sendOnce(ctx, outbound, used, entry)
	if err != nil || !used.Refused(answer.Status, answer.Header, answer.Body) {
		return answer, err
	}
	limited, cancel := context.WithDeadline(ctx, entry.limit)
	defer cancel()
	renewed, failure := r.credentials.Renew(limited, used)
	if renewed == nil {
		entry.refuses(used, answer, "and there is no other")
		entry.adds(failure)
		return answer, nil
	}
	if outbound.Method != http.MethodGet && used.Echoes(outbound, answer.Status, answer.Body) {
		entry.withheld = true
		return answer, nil
	}
	entry.replayed = true
	entry.used(renewed)
	// net/http may still be reading the header map of a request whose answer came early.
	outbound.Header = outbound.Header.Clone()
	if answer, err = r.sendOnce(ctx, outbound, renewed, entry); err == nil && renewed.Refused(answer.Status, answer.Header, answer.Body) {
		entry.refuses(renewed, answer, "also after it was renewed")
	}
	return answer, err
}

// credential gets what the plan asks for. The usual case, where it is ready,
// needs no context of its own.
func (r *Relay) credential(ctx context.Context, outbound *plan.Plan, entry *logEntry) (*credential.Credential, error) {
	used := r.credentials.Ready(outbound)
	if used == nil {
		limited, cancel := context.WithDeadline(ctx, entry.limit)
		defer cancel()
		var err error
		if used, err = r.credentials.Get(limited, outbound); err != nil {
			return nil, err
		}
	}
	entry.used(used)
	return used, nil
}

// sendOnce sends one outbound request, and masks its answer and makes it presentable.
func (r *Relay) sendOnce(ctx context.Context, outbound *plan.Plan, used *credential.Credential, entry *logEntry) (*gateway.Response, error) {
	sent := time.Now()
	limit, hasMore := entry.limit, false
	if own := sent.Add(outbound.Operation.Timeout); own.Before(limit) {
		limit, hasMore = own, outbound.Operation.Timeout < longestTimeout
	}
	limited, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	answer, err := r.upstream.Send(limited, outbound, used.Apply, used.Certificate(), entry.take)
	entry.delivered(time.Since(sent))
	if err != nil {
		return nil, adviseOnTime(err, hasMore)
	}
	entry.masked = used.Mask(answer)
	r.present(answer)
	return answer, nil
}

// beforeEnd is a time, or the end of the invocation less the margin where that is earlier.
func beforeEnd(ctx context.Context, margin time.Duration, at time.Time) time.Time {
	if end, ok := ctx.Deadline(); ok && end.Add(-margin).Before(at) {
		return end.Add(-margin)
	}
	return at
}
