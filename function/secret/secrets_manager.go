package secret

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
)

// maxRetryPause leaves time for all three attempts of the SDK.
const maxRetryPause = 300 * time.Millisecond

// maxSecretsManagerAnswer is more than the largest secret takes as JSON with every byte escaped.
const maxSecretsManagerAnswer = 8 * maxSecretBytes

// secretsManager is the source of secretsmanager: references.
type secretsManager struct {
	connect func(context.Context) (*secretsmanager.Client, error)

	client cache.FirstUse[secretsmanager.Client]
}

// read returns the version that is AWSCURRENT.
func (s *secretsManager) read(ctx context.Context, reference destination.Reference) ([]byte, error) {
	client, err := s.client.Get(ctx, s.connect)
	if err != nil && ctx.Err() != nil {
		return nil, unavailable(reference, tooSlow, err)
	}
	if err != nil {
		return nil, unavailable(reference, "cannot be read, since the AWS configuration of this process is broken. Fix its AWS_* variables or its AWS profile.", err)
	}
	if problem, err := notReady(ctx, client); problem != "" {
		return nil, unavailable(reference, problem, err)
	}
	answer, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId:     aws.String(reference.Name),
		VersionStage: aws.String("AWSCURRENT"),
	}, limit)
	if err != nil {
		return nil, unavailable(reference, secretsManagerProblem(ctx, err), causeOf(err))
	}
	if answer.SecretString != nil {
		return []byte(*answer.SecretString), nil
	}
	return answer.SecretBinary, nil
}

// notReady says what is wrong with the client itself. The SDK keeps the
// credentials that it found, so asking for them costs nothing.
func notReady(ctx context.Context, client *secretsmanager.Client) (problem string, cause error) {
	options := client.Options()
	if options.Region == "" {
		return "cannot be read, since no AWS region is set. Set AWS_REGION.", nil
	}
	if options.Credentials == nil {
		return noCredentials, nil
	}
	if _, err := options.Credentials.Retrieve(ctx); err != nil {
		return noCredentials, err
	}
	return "", nil
}

const (
	tooSlow       = "was not read within 3 s. Check that Secrets Manager can be reached from here: a VPC needs an endpoint or a NAT gateway."
	noCredentials = "cannot be read, since this process has no AWS credentials. Give it a role that may call secretsmanager:GetSecretValue, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)

// secretsManagerProblem says what the operator can do about an error of the SDK,
// by the error codes of
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
// and https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html.
// The text of the error is the service's and is not repeated.
func secretsManagerProblem(ctx context.Context, err error) string {
	fault, ok := errors.AsType[smithy.APIError](err)
	switch {
	case !ok && ctx.Err() != nil:
		return tooSlow
	case !ok:
		return "cannot be read: Secrets Manager cannot be reached, or its answer is broken. Check the network and the endpoint that are configured."
	}
	switch fault.ErrorCode() {
	case NotInFile:
		return "does not exist: " + printable(fault.ErrorMessage())
	case "ResourceNotFoundException":
		return "does not exist in this AWS account and region, or has no current value. Create it, or fix its name, AWS_REGION or the document."
	case "AccessDeniedException":
		return "may not be read. Allow the role that keyrelay runs as secretsmanager:GetSecretValue on it, and kms:Decrypt where it has a key of its own."
	case "DecryptionFailure":
		return "cannot be decrypted. Allow the role that keyrelay runs as kms:Decrypt on the secret's key, and check that the key is enabled."
	case "InvalidRequestException":
		return "cannot be read in its state. Restore it if it is marked for deletion."
	case "InvalidParameterException", "ValidationException":
		return "has a name that Secrets Manager does not take. Fix it in the document."
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded":
		return "cannot be read now, since Secrets Manager is asked too often in this account. It is tried again by itself."
	case "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "IncompleteSignature":
		return "cannot be read, since AWS does not accept the credentials of this process. Renew them."
	}
	return "cannot be read, since Secrets Manager failed. It is tried again by itself."
}

// NotInFile is the error code of an endpoint that serves a file of secrets on the
// developer's machine. AWS has no such code. Its message is for who reads the answer.
const NotInFile = "NotInFile"

// printable bounds a message, and takes what is no text out of it.
func printable(message string) string {
	const most = 300
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, strings.ToValidUTF8(message[:min(len(message), most)], ""))
}

// causeOf returns ErrAbsent where the service says that there is no such secret.
func causeOf(err error) error {
	if fault, ok := errors.AsType[smithy.APIError](err); ok && (fault.ErrorCode() == "ResourceNotFoundException" || fault.ErrorCode() == NotInFile) {
		return errors.Join(ErrAbsent, err)
	}
	return err
}

// limit bounds what the SDK reads of one answer, and how long it pauses before it
// tries again: the cache has a longer memory for failures.
func limit(options *secretsmanager.Options) {
	options.HTTPClient = cache.LimitedClient{HTTPClient: options.HTTPClient, Limit: maxSecretsManagerAnswer}
	options.Retryer = retry.AddWithMaxBackoffDelay(options.Retryer, maxRetryPause)
}
