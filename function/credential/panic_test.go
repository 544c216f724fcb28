package credential_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/cache"
	"keyrelay/function/secret"
)

// TestPanicInFetch sees that a panic while a secret is fetched, which happens on a
// goroutine of its own, fails the request and not the process.
func TestPanicInFetch(t *testing.T) {
	store := newStore(secret.Config{
		SecretsManager: func(context.Context) (*secretsmanager.Client, error) { panic("out of order") },
	})
	_, err := store.Get(t.Context(), planWith(header(managed("keyrelay/it", ""))))
	var panicked *cache.Panic
	if !errors.As(err, &panicked) || len(panicked.Stack) == 0 {
		t.Errorf("got %v", err)
	}
}
