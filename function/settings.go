package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// loopbackAddress is where the HTTP server listens when PORT is not set.
const (
	loopback        = "127.0.0.1"
	loopbackAddress = loopback + ":8080"
)

// settings is what the environment says. Everything about an API is in its
// document, not here.
type settings struct {
	// lambda says that the program runs in the Lambda runtime, sam local included.
	lambda bool
	// realLambda says that it runs in AWS itself.
	realLambda bool
	// functionName is the Lambda function's name; empty over HTTP.
	functionName string
	// memory is what the Lambda function has, in MB; zero over HTTP.
	memory int
	// destinations is the folder of documents.
	destinations string
	// callerKeys is zero when callers need no key.
	callerKeys destination.Reference
	// callers maps the ids of API keys and the ARNs of IAM principals to callers' names.
	callers map[string]string
	// tokenTable is the DynamoDB table by which instances share tokens, empty for none,
	// and tokenKey the secret that they are sealed with.
	tokenTable string
	tokenKey   destination.Reference
	// networks is the widest network that documents may ask for.
	networks destination.Network
	// secretPrefix is what the names of default references begin with.
	secretPrefix string
	// logLevel is the least level of the log entries that are written over HTTP.
	logLevel slog.Level
	// address is where the HTTP server listens.
	address string
	// queue and deadQueue are the URLs of the SQS queues for deliveries and for what
	// cannot be delivered; empty for none.
	queue, deadQueue string
	// queueConcurrency is how many deliveries run at once, in all instances of a Lambda function.
	queueConcurrency int
	// secretTTL and secretMaxAge say how long secrets are kept.
	secretTTL, secretMaxAge time.Duration
}

// readSettings reads the environment. The error names the variable to fix,
// never the value of KEYRELAY_CALLER_KEYS.
func readSettings(getenv func(string) string) (settings, error) {
	read := settings{
		lambda:       getenv("AWS_LAMBDA_RUNTIME_API") != "",
		functionName: getenv("AWS_LAMBDA_FUNCTION_NAME"),
		destinations: getenv("KEYRELAY_DESTINATIONS"),
	}
	read.realLambda = read.lambda && getenv("AWS_SAM_LOCAL") != "true"
	if read.destinations == "" {
		read.destinations = besideProgram()
	}
	read.memory, _ = strconv.Atoi(getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	var err error
	if read.address, err = listenAddress(getenv("PORT")); err != nil {
		return read, err
	}
	if read.networks, err = networksSetting(getenv("KEYRELAY_NETWORKS"), read.realLambda); err != nil {
		return read, err
	}
	if read.secretPrefix, err = secretPrefix(getenv("KEYRELAY_SECRET_PREFIX")); err != nil {
		return read, err
	}
	if read.callerKeys, err = callerKeys(getenv("KEYRELAY_CALLER_KEYS"), read); err != nil {
		return read, err
	}
	if read.tokenTable, read.tokenKey, err = tokenTable(getenv("KEYRELAY_TOKEN_TABLE"), getenv("KEYRELAY_TOKEN_KEY")); err != nil {
		return read, err
	}
	if read.callers, err = texts("KEYRELAY_CALLERS", getenv("KEYRELAY_CALLERS")); err != nil {
		return read, err
	}
	if len(read.callers) > 0 && !read.lambda {
		return read, fmt.Errorf("KEYRELAY_CALLERS is of no use outside Lambda; unset it, and name callers in the secret of KEYRELAY_CALLER_KEYS: " +
			`a JSON object from each caller's name to its key, such as {"osmos": "key"}`)
	}
	if read.logLevel, err = logLevel(getenv("KEYRELAY_LOG_LEVEL"), read.lambda); err != nil {
		return read, err
	}
	if err = queueSettings(getenv, &read); err != nil {
		return read, err
	}
	err = secretTimes(getenv, &read)
	return read, err
}

// secretTimes reads how long secrets are kept.
func secretTimes(getenv func(string) string, read *settings) (err error) {
	if read.secretTTL, err = duration("KEYRELAY_SECRET_TTL", getenv("KEYRELAY_SECRET_TTL"), secret.DefaultTTL); err != nil {
		return err
	}
	if read.secretMaxAge, err = duration("KEYRELAY_SECRET_MAX_AGE", getenv("KEYRELAY_SECRET_MAX_AGE"), 24*time.Hour); err != nil {
		return err
	}
	switch {
	case read.secretTTL == 0:
		return fmt.Errorf("KEYRELAY_SECRET_TTL must be longer than 0; write for example 300s")
	case read.secretMaxAge > 0 && read.secretTTL > read.secretMaxAge:
		return fmt.Errorf("KEYRELAY_SECRET_TTL must not be longer than KEYRELAY_SECRET_MAX_AGE, but %s is longer than %s; shorten the one, or lengthen the other", read.secretTTL, read.secretMaxAge)
	}
	return nil
}

// networksSetting reads KEYRELAY_NETWORKS. In AWS documents open the internet alone
// unless it says otherwise: a VPC holds more than the APIs that are meant.
func networksSetting(value string, realLambda bool) (destination.Network, error) {
	network, ok := destination.ParseNetwork(value)
	switch {
	case value == "" && !realLambda:
		return destination.Loopback, nil
	case value != "" && !ok:
		return network, fmt.Errorf("KEYRELAY_NETWORKS must be public, private or loopback: the widest x-keyrelay-network that documents may ask for")
	}
	return network, nil
}

// The template takes the same prefixes.
var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+/$`)

const maxPrefix = 64

// secretPrefix reads KEYRELAY_SECRET_PREFIX.
func secretPrefix(value string) (string, error) {
	if value != "" && (len(value) > maxPrefix || !prefixPattern.MatchString(value)) {
		return "", fmt.Errorf("KEYRELAY_SECRET_PREFIX must be the beginning of names of secrets, of letters, digits and /_+=.@- with a slash at its end, such as keyrelay-staging/")
	}
	return value, nil
}

// checkNames refuses a variable that looks like a setting and is none: a misspelt
// setting must not do nothing.
func checkNames(environment []string) error {
	known := []string{
		"KEYRELAY_CALLER_KEYS", "KEYRELAY_CALLERS", "KEYRELAY_DEAD_QUEUE", "KEYRELAY_DESTINATIONS", "KEYRELAY_ENVIRONMENT", "KEYRELAY_LOG_LEVEL",
		"KEYRELAY_NETWORKS", "KEYRELAY_QUEUE", "KEYRELAY_QUEUE_CONCURRENCY", "KEYRELAY_SECRET_MAX_AGE", "KEYRELAY_SECRET_PREFIX", "KEYRELAY_SECRET_TTL",
		"KEYRELAY_TOKEN_KEY", "KEYRELAY_TOKEN_TABLE",
	}
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(strings.ToUpper(name), "KEYRELAY_") && !slices.Contains(known, name) {
			const most = 3
			meant, edits := destination.Nearest(name, known...)
			if edits > most {
				meant = "one of " + strings.Join(known, ", ")
			}
			return fmt.Errorf("%s is not a setting of keyrelay; unset it, or write %s", name, meant)
		}
	}
	return nil
}

// addEnvironment sets the variables that KEYRELAY_ENVIRONMENT holds as a JSON object,
// for a template, which cannot name variables that it does not know.
func addEnvironment(value string) error {
	added, err := texts("KEYRELAY_ENVIRONMENT", value)
	if err != nil {
		return err
	}
	for name, text := range added {
		if strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "KEYRELAY_") || os.Setenv(name, text) != nil {
			return fmt.Errorf("KEYRELAY_ENVIRONMENT must hold the variables of env: references only, not %s", name)
		}
	}
	return nil
}

// texts reads a setting that is a JSON object of texts.
func texts(name, value string) (read map[string]string, err error) {
	if value != "" && json.Unmarshal([]byte(value), &read) != nil {
		return nil, fmt.Errorf(`%s must be a JSON object of texts, such as {"name": "text"}`, name)
	}
	return read, nil
}

// logLevel reads KEYRELAY_LOG_LEVEL. In Lambda metrics are made of the log entries.
func logLevel(value string, lambda bool) (level slog.Level, err error) {
	switch {
	case value == "":
		return slog.LevelInfo, nil
	case lambda:
		return level, fmt.Errorf("KEYRELAY_LOG_LEVEL is of no use in Lambda, where metrics are made of every log entry; unset it")
	case !slices.Contains([]string{"info", "warn", "error"}, value):
		return level, fmt.Errorf("KEYRELAY_LOG_LEVEL must be info, warn or error")
	}
	return level, level.UnmarshalText([]byte(value))
}

// besideProgram is the folder that is packed beside the program into the Lambda
// zip and the image.
func besideProgram() string {
	program, err := os.Executable()
	if err != nil {
		return "destinations"
	}
	return filepath.Join(filepath.Dir(program), "destinations")
}

// listenAddress reads PORT: a number is that port of all addresses, 127.0.0.1:NUMBER
// the port of loopback alone, where 0 is any free one.
func listenAddress(port string) (string, error) {
	if port == "" {
		return loopbackAddress, nil
	}
	number, onLoopback := strings.CutPrefix(port, loopback+":")
	if read, err := strconv.ParseUint(number, 10, 16); err != nil || read == 0 && !onLoopback {
		return "", fmt.Errorf("PORT must be a number from 1 to 65535, or %s:NUMBER to listen on this machine alone, or unset for %s", loopback, loopbackAddress)
	}
	if onLoopback {
		return port, nil
	}
	return net.JoinHostPort("", port), nil
}

// callerKeys reads KEYRELAY_CALLER_KEYS. In Lambda the gateway checks its own
// keys, so nothing is needed; a server that others can reach must check.
func callerKeys(value string, read settings) (destination.Reference, error) {
	switch value {
	case "none":
		return destination.Reference{}, nil
	case "":
		if read.lambda || strings.HasPrefix(read.address, loopback+":") {
			return destination.Reference{}, nil
		}
		return destination.Reference{}, fmt.Errorf("KEYRELAY_CALLER_KEYS must be set when PORT is, since anyone who reaches the port could use your credentials: " +
			"name the secret that holds the callers' keys, for example secretsmanager:keyrelay/callers, or write none when something in front of keyrelay checks callers")
	}
	reference, err := destination.ParseReference(value)
	if err != nil {
		return reference, fmt.Errorf("KEYRELAY_CALLER_KEYS must be a secret reference: secretsmanager:NAME-OR-ARN, env:NAME or file:PATH, or none; it must not hold the key itself")
	}
	return reference, nil
}

// A name is one by https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html.
var tablePattern = regexp.MustCompile(`^(arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?([A-Za-z0-9_.-]+)$`)

const minTable, maxTable = 3, 255

// tokenTable reads KEYRELAY_TOKEN_TABLE and KEYRELAY_TOKEN_KEY, of which one is nothing without the other.
func tokenTable(table, key string) (string, destination.Reference, error) {
	switch {
	case table == "" && key == "":
		return "", destination.Reference{}, nil
	case key == "":
		return "", destination.Reference{}, fmt.Errorf("KEYRELAY_TOKEN_KEY must be set when KEYRELAY_TOKEN_TABLE is: name the secret that tokens are sealed with, " +
			"32 random characters or more, for example secretsmanager:keyrelay/token-key")
	case table == "":
		return "", destination.Reference{}, fmt.Errorf("KEYRELAY_TOKEN_TABLE must be set when KEYRELAY_TOKEN_KEY is: write the name of the DynamoDB table by which instances share tokens")
	}
	if found := tablePattern.FindStringSubmatch(table); found == nil || len(found[2]) < minTable || len(found[2]) > maxTable {
		return "", destination.Reference{}, fmt.Errorf("KEYRELAY_TOKEN_TABLE must be the name or ARN of a DynamoDB table, such as keyrelay-tokens: 3 to 255 letters, digits and _.-")
	}
	reference, err := destination.ParseReference(key)
	if err != nil {
		return "", reference, fmt.Errorf("KEYRELAY_TOKEN_KEY must be a secret reference: secretsmanager:NAME-OR-ARN, env:NAME or file:PATH; it must not hold the key itself")
	}
	return table, reference, nil
}

func duration(name, value string, unset time.Duration) (time.Duration, error) {
	if value == "" {
		return unset, nil
	}
	parsed, err := time.ParseDuration(value)
	if err != nil || parsed < 0 {
		return 0, fmt.Errorf("%s must be a duration such as 300s, 5m or 24h", name)
	}
	return parsed, nil
}

// The bounds of KEYRELAY_QUEUE_CONCURRENCY are those of an event source's MaximumConcurrency,
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html. The least is
// what holds unless it is set.
const (
	leastQueueConcurrency = 2
	mostQueueConcurrency  = 1_000
)

// queueSettings reads what is said of the queues for deliveries.
func queueSettings(getenv func(string) string, read *settings) error {
	read.queue, read.deadQueue, read.queueConcurrency = getenv("KEYRELAY_QUEUE"), getenv("KEYRELAY_DEAD_QUEUE"), leastQueueConcurrency
	concurrency := getenv("KEYRELAY_QUEUE_CONCURRENCY")
	switch {
	case read.queue == "" && read.deadQueue != "":
		return fmt.Errorf("KEYRELAY_QUEUE must be set where KEYRELAY_DEAD_QUEUE is: the URL of the SQS queue that deliveries wait in")
	case read.queue != "" && read.deadQueue == "":
		return fmt.Errorf("KEYRELAY_DEAD_QUEUE must be set where KEYRELAY_QUEUE is: the URL of the SQS queue for what cannot be delivered")
	case read.queue == "" && concurrency != "":
		return fmt.Errorf("KEYRELAY_QUEUE_CONCURRENCY is of no use without KEYRELAY_QUEUE; unset it, or set KEYRELAY_QUEUE too")
	case read.queue != "" && read.queue == read.deadQueue:
		return fmt.Errorf("KEYRELAY_DEAD_QUEUE must be another queue than KEYRELAY_QUEUE: what cannot be delivered would come again for ever")
	}
	for _, name := range []string{"KEYRELAY_QUEUE", "KEYRELAY_DEAD_QUEUE"} {
		value := getenv(name)
		if strings.HasSuffix(value, ".fifo") {
			return fmt.Errorf("%s must be a standard queue: deliveries have no order, and a FIFO queue stops at the first one that waits", name)
		}
		if value != "" && !isQueueURL(value) {
			return fmt.Errorf("%s must be the URL of an SQS queue with its account and its name, such as https://sqs.eu-central-1.amazonaws.com/123456789012/keyrelay; an ARN or a name is none", name)
		}
	}
	if concurrency == "" {
		return nil
	}
	number, err := strconv.Atoi(concurrency)
	if err != nil || number < leastQueueConcurrency || number > mostQueueConcurrency {
		return fmt.Errorf("KEYRELAY_QUEUE_CONCURRENCY must be a number from %d to %d: how many deliveries run at once in all", leastQueueConcurrency, mostQueueConcurrency)
	}
	read.queueConcurrency = number
	return nil
}

var (
	// queueHost is the name of AWS's own endpoints, those of a VPC included.
	queueHost = regexp.MustCompile(`(?i)\.amazonaws\.com(\.cn)?$`)
	// queuePath is the account's id and the queue's name,
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html.
	queuePath = regexp.MustCompile(`^/[0-9]{12}/[A-Za-z0-9_-]+$`)
	// emulatedPath has other words before the name.
	emulatedPath = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+)+/[A-Za-z0-9_-]+$`)
)

// isQueueURL reports whether a text is the URL of a queue of AWS, or of an emulator, which
// may be http.
func isQueueURL(text string) bool {
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return false
	}
	if queueHost.MatchString(address.Hostname()) {
		return address.Scheme == "https" && queuePath.MatchString(address.Path)
	}
	return (address.Scheme == "https" || address.Scheme == "http") && emulatedPath.MatchString(address.Path)
}
