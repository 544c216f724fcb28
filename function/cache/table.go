package cache

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

const (
	// tableTimeout bounds one call to the table, retries of the SDK included.
	tableTimeout = time.Second
	// tablePause is how long a table that failed is left alone.
	tablePause = 10 * time.Second
	// maxTablePause leaves time for the attempts of the SDK.
	maxTablePause = 100 * time.Millisecond
	// maxTableAnswer is more than the largest item, of 400 KB, takes as JSON.
	maxTableAnswer = 1 << 20
	// itemLife is how long an item is kept whose value has no expiry, and tryLife one that has no value.
	itemLife = 30 * 24 * time.Hour
	tryLife  = 24 * time.Hour
)

// TableConfig says where a Table is and what opens it.
type TableConfig struct {
	// Name is the table's name or ARN. Its partition key is id, a string, and its
	// attribute for the time to live is expires.
	Name string
	// Connect makes the client; it is called on the first use.
	Connect func(context.Context) (*dynamodb.Client, error)
	// Key reads the secret that seals values, of at least 32 bytes. refused is a key that
	// did not open a value: read the secret again; nil at first.
	Key func(ctx context.Context, refused []byte) ([]byte, error)
}

// A Table is a DynamoDB table in which instances share values that are expensive to make:
// one of them makes a value while the others wait. It is safe for concurrent use.
type Table struct {
	config TableConfig

	client FirstUse[dynamodb.Client]

	mutex sync.Mutex
	// resume is when a table that failed is asked again, and problem why it failed.
	resume  time.Time
	problem fault
}

// NewTable returns a Table. It makes no call yet.
func NewTable(config TableConfig) *Table { return &Table{config: config} }

// A fault says in a word why the table is of no use now: an error code of AWS, or one of the words below.
type fault string

// Error returns that word, which is safe to log.
func (f fault) Error() string { return string(f) }

const (
	unreachable = fault("unreachable")
	noKey       = fault("key-unavailable")
	shortKey    = fault("key-too-short")
	sealed      = fault("item-does-not-open")
	broken      = fault("item-is-broken")
)

// An item is what the table has under an id.
type item struct {
	// sealed is the value, nil for none, and version another text whenever it was written.
	sealed  []byte
	version string
	// lease is until when holder makes the value.
	lease  time.Time
	holder string
	// failure is until when nobody tries again after so many failures.
	failure  time.Time
	failures int
}

// attributes are those of an item, none of them a reserved word, with times in milliseconds.
// DynamoDB itself reads expires, in seconds.
type attributes = map[string]types.AttributeValue

func readItem(from attributes) item {
	at := func(name string) time.Time {
		if value := numberIn(from, name); value > 0 {
			return time.UnixMilli(value)
		}
		return time.Time{}
	}
	read := item{
		version: textIn(from, "version"), lease: at("lease"), holder: textIn(from, "holder"),
		failure: at("failure"), failures: int(numberIn(from, "failures")),
	}
	if value, ok := from["sealed"].(*types.AttributeValueMemberB); ok {
		read.sealed = value.Value
	}
	return read
}

func textIn(from attributes, name string) string {
	if value, ok := from[name].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return ""
}

func numberIn(from attributes, name string) int64 {
	if value, ok := from[name].(*types.AttributeValueMemberN); ok {
		number, _ := strconv.ParseInt(value.Value, 10, 64)
		return number
	}
	return 0
}

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func binary(value []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: value} }

func number(value int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(value, 10)}
}

func milliseconds(at time.Time) types.AttributeValue { return number(at.UnixMilli()) }

// lasts reports whether the table will fail in the same way until somebody changes something.
func (f fault) lasts() bool {
	switch f {
	case noKey, shortKey, sealed, broken, "AccessDeniedException", "ResourceNotFoundException", "ValidationException", "UnrecognizedClientException":
		return true
	}
	return false
}

// read reads an item; a zero one if there is none. It asks a table that is left alone if insists is set.
func (t *Table) read(ctx context.Context, id string, insists bool) (read item, err error) {
	err = t.call(ctx, insists, func(ctx context.Context, client *dynamodb.Client) error {
		answer, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.config.Name, Key: attributes{"id": text(id)}, ConsistentRead: aws.Bool(true)}, limit)
		if err == nil {
			read = readItem(answer.Item)
		}
		return err
	})
	return read, err
}

// A change is an update of an item under a condition; values stand for the :names in both.
type change struct {
	update, condition string
	values            attributes
}

// change changes an item, and reports whether its condition was true; if not, item is what is there.
func (t *Table) change(ctx context.Context, id string, insists bool, changed change) (there item, done bool, err error) {
	err = t.call(ctx, insists, func(ctx context.Context, client *dynamodb.Client) error {
		_, err := client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &t.config.Name, Key: attributes{"id": text(id)},
			UpdateExpression: &changed.update, ConditionExpression: &changed.condition,
			ExpressionAttributeValues:           changed.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}, limit)
		if untrue, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
			there = readItem(untrue.Item)
			return nil
		}
		done = err == nil
		return err
	})
	return there, done, err
}

// call makes one call. A table that fails is left alone for a while: each request would
// wait for it again. The error is then a fault, or says that ctx has ended.
func (t *Table) call(ctx context.Context, insists bool, do func(context.Context, *dynamodb.Client) error) error {
	limited, cancel := context.WithTimeout(ctx, tableTimeout)
	defer cancel()
	t.mutex.Lock()
	resume, problem := t.resume, t.problem
	t.mutex.Unlock()
	if Now().Before(resume) && !insists {
		return problem
	}
	client, err := t.client.Get(limited, t.config.Connect)
	if err == nil {
		err = do(limited, client)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.resume, t.problem = Now().Add(tablePause), problemOf(err)
	return t.problem
}

// problemOf is the error code of AWS, which says nothing of a value.
func problemOf(err error) fault {
	answered, ok := errors.AsType[smithy.APIError](err)
	if !ok || strings.ContainsFunc(answered.ErrorCode(), func(c rune) bool { return c < 'A' || c > 'z' || c > 'Z' && c < 'a' }) {
		return unreachable
	}
	return fault(answered.ErrorCode())
}

// limit bounds what the SDK reads of one answer, and how long it pauses before it tries again.
func limit(options *dynamodb.Options) {
	options.HTTPClient = LimitedClient{options.HTTPClient, maxTableAnswer}
	options.Retryer = retry.AddWithMaxBackoffDelay(options.Retryer, maxTablePause)
}
