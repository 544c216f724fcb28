package credential

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/mask"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// signedService is the service that signatures are for where a document names none: API Gateway,
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html.
const signedService = "execute-api"

// roleTTL is how long a role's credentials are used before the SDK is asked for
// them again; it keeps and renews them itself.
const roleTTL = time.Minute

// A role is what signs: the credentials and the region of this process.
type role struct {
	credentials func() aws.Credentials
	region      string
}

// newRoles returns the cache of the role's credentials, of which a process has one.
func newRoles(s *Store) *cache.Cache[struct{}, *role] {
	return &cache.Cache[struct{}, *role]{
		Fetch:    s.readRole,
		Timeout:  func(struct{}) time.Duration { return secret.Timeout },
		OnCancel: func(_ struct{}, cause error) error { return noRole(cause) },
	}
}

// readRole asks the SDK for the credentials of this process.
func (s *Store) readRole(ctx context.Context, _ struct{}, previous *role) (*role, cache.Life, error) {
	client, err := s.secrets.Client(ctx)
	if err != nil {
		return nil, cache.Life{}, noRole(err)
	}
	options := client.Options()
	if options.Credentials == nil {
		return nil, cache.Life{}, noRole(nil)
	}
	read, err := options.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, cache.Life{}, noRole(err)
	}
	life := cache.Life{Refresh: cache.Now().Add(roleTTL)}
	if read.CanExpire {
		life.Expiry = read.Expires.Round(0)
	}
	if previous != nil && previous.credentials() == read && previous.region == options.Region {
		return previous, life, nil
	}
	return &role{credentials: func() aws.Credentials { return read }, region: options.Region}, life, nil
}

func noRole(cause error) error {
	return &gateway.Refusal{
		Reason: secret.ErrUnavailable,
		Detail: "This process has no AWS credentials to sign with. Give it a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
		Cause:  cause,
	}
}

// signature is for requests that are signed with AWS Signature Version 4,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html: with keys of
// the scheme's secret where it names one, else with the process's own.
func (s *Store) signature() kind {
	given := s.static(fromAccessKey)
	get := func(ctx context.Context, scope retrieval.Scope) (*part, stats, error) {
		if scope.Scheme.Secret != (destination.Reference{}) {
			return given.get(ctx, scope)
		}
		got, err := s.roles.Get(ctx, struct{}{})
		return keep(s, scope, got, err, func(scope retrieval.Scope, of *role) (*part, error) { return newSigner(scope.Scheme, of), nil })
	}
	renew := func(ctx context.Context, used *part) (*part, stats, error) {
		if used.scope.Scheme.Secret != (destination.Reference{}) {
			return given.renew(ctx, used)
		}
		return used, stats{}, nil // the SDK renews a role's credentials
	}
	return kind{get: get, renew: renew}
}

func fromAccessKey(scheme *destination.SecurityScheme, value secret.Value) (*part, error) {
	id, _ := value.Member("access_key_id")
	key, _ := value.Member("secret_access_key")
	session, _ := value.Member("session_token")
	if id == "" || key == "" {
		return nil, secret.Lacks(scheme.Secret, value.Bytes(), `is not of the shape that an AWS signature needs. Store {"access_key_id": "…", "secret_access_key": "…"}, and session_token where there is one.`,
			"access_key_id", "secret_access_key")
	}
	keys := aws.Credentials{AccessKeyID: id, SecretAccessKey: key, SessionToken: session}
	return newSigner(scheme, &role{credentials: func() aws.Credentials { return keys }}), nil
}

func newSigner(scheme *destination.SecurityScheme, of *role) *part {
	made := &signer{role: of, service: cmp.Or(scheme.Service, signedService), region: scheme.Region}
	return &part{sign: made.sign, masker: mask.New(of.credentials().SessionToken)}
}

// regionOf finds the region in a host name of AWS, such as
// abc123.execute-api.eu-west-1.amazonaws.com.
func regionOf(host, otherwise string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.HasSuffix(host, ".amazonaws.com") && !strings.HasSuffix(host, ".amazonaws.com.cn") && !strings.HasSuffix(host, ".on.aws") {
		return otherwise
	}
	for _, label := range slices.Backward(strings.Split(host, ".")) {
		if isRegion(label) {
			return label
		}
	}
	return otherwise
}

// isRegion reports whether a label is written like a region: us-east-1, us-gov-west-1.
func isRegion(label string) bool {
	parts := strings.Split(label, "-")
	last := parts[len(parts)-1]
	return len(parts) >= 3 && len(parts[0]) == 2 && len(last) == 1 && last[0] >= '1' && last[0] <= '9'
}
