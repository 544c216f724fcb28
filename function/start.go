package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"keyrelay/function/caller"
	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// startWarnings is what whoever starts the program should know: it serves all the same.
func startWarnings(read settings, destinations []*destination.Destination) (warnings []string) {
	for _, scheme := range refreshTokensInMemory(destinations) {
		warnings = append(warnings, "The refresh token of "+scheme+" is in a variable of the environment: a rotated one is kept in memory only, and lost when keyrelay ends. "+
			"Put the secret into Secrets Manager or a file.")
	}
	if short, _ := checkCallerKeys(read.callerKeys); short {
		warnings = append(warnings, "KEYRELAY_CALLER_KEYS holds a key of fewer than 16 characters, which may be guessed. Make another one by chance, for example by: openssl rand -base64 24")
	}
	if name := managedSecret(read, destinations); name != "" && !read.lambda {
		if problem := withoutRegion(); problem != "" {
			warnings = append(warnings, "No secret of Secrets Manager can be read, such as "+name+", since "+problem)
		}
	}
	return warnings
}

// checkRegion refuses a queue or a table that no call can be made to. A secret that cannot
// be read is a warning, since other documents may do without.
func checkRegion(read settings) error {
	for name, value := range map[string]string{"KEYRELAY_QUEUE": read.queue, "KEYRELAY_TOKEN_TABLE": read.tokenTable} {
		if value == "" || read.lambda {
			continue
		}
		if problem := withoutRegion(); problem != "" {
			return fmt.Errorf("%s is set, but cannot be reached, since %s", name, problem)
		}
	}
	return nil
}

// withoutRegion says what keeps every call of AWS from being made, as the SDK finds it in
// variables and profiles. It makes no call.
func withoutRegion() (problem string) {
	found, err := awsConfig(context.Background(), "")
	switch {
	case err != nil:
		return "the AWS configuration of this process is broken. Fix its AWS_* variables or its AWS profile."
	case found.Region == "":
		return "no AWS region is set. Set AWS_REGION, or a region in the AWS profile."
	}
	return ""
}

// managedSecret names a secret of Secrets Manager that is needed; empty for none.
func managedSecret(read settings, destinations []*destination.Destination) string {
	references := []destination.Reference{read.callerKeys, read.tokenKey}
	for _, each := range destinations {
		for _, placed := range each.References {
			references = append(references, placed.Reference)
		}
	}
	if at := slices.IndexFunc(references, func(r destination.Reference) bool { return r.Provider == "secretsmanager" }); at >= 0 {
		return references[at].String()
	}
	return ""
}

// refreshTokensInMemory names the documents and schemes whose refresh token is in a
// variable of the environment, where no rotated one can be kept.
func refreshTokensInMemory(destinations []*destination.Destination) (schemes []string) {
	for _, each := range destinations {
		for name, scheme := range each.Schemes {
			if scheme.Secret.Provider != "env" || scheme.Kind != destination.OAuth2 && scheme.Kind != destination.OpenIDConnect {
				continue
			}
			pointer := scheme.Secret.Pointer + rawjson.PointerTo("refresh_token")
			if _, found := pointer.Find([]byte(os.Getenv(scheme.Secret.Name))); found {
				schemes = append(schemes, each.Name+" "+name)
			}
		}
	}
	slices.Sort(schemes)
	return schemes
}

// checkCallerKeys reads callers' keys that are on this machine, so that missing ones
// stop the start; those of Secrets Manager are read at the first request. It reports
// whether one is so short that it may be guessed.
func checkCallerKeys(keys destination.Reference) (short bool, err error) {
	if keys.Provider != "env" && keys.Provider != "file" {
		return false, nil
	}
	short, err = caller.New(caller.Config{Secrets: secret.New(secret.Config{}), Keys: keys}).Check(context.Background())
	if err != nil {
		return false, fmt.Errorf("KEYRELAY_CALLER_KEYS: %w", err)
	}
	return short, nil
}
