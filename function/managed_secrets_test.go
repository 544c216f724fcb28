package main

import (
	"testing"

	"keyrelay/function/fake"
)

// startManagedSecrets serves a Secrets Manager on loopback, and lets the SDK of this test find it.
func startManagedSecrets(t testing.TB) *fake.Secrets {
	started := fake.NewSecrets(nil)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": fake.Serve(t, started),
		"AWS_REGION":                       "us-east-1",
		"AWS_ACCESS_KEY_ID":                "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":            "example",
		"AWS_EC2_METADATA_DISABLED":        "true",
	} {
		t.Setenv(name, value)
	}
	return started
}
