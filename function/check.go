package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// check reads the documents of a folder as the program on this machine would at its
// start, with KEYRELAY_NETWORKS as it is set here, and says what credential each
// attaches: a forgotten security is no fault, since a caller may place a credential by
// itself. What of the documents is switched off is a warning, once for each cause. All
// that a document reaches, networks, hosts and secrets, is listed, so that a reviewer sees it.
// What this machine lacks, secrets and queues, is a warning too, since another one may serve.
func check(folder string, out io.Writer) error {
	if err := addEnvironment(os.Getenv("KEYRELAY_ENVIRONMENT")); err != nil {
		return err
	}
	config, err := documentConfig(false)
	if err != nil {
		return err
	}
	set, err := destination.Load(folder, config)
	if err != nil {
		return err
	}
	warnings := warningsOf(set)
	for _, fault := range append(withoutQueue(set), unusableHere(set)...) {
		fault.Problem += ", so that keyrelay does not start here"
		warnings = append(warnings, fault.String())
	}
	report(set, warnings, out)
	return nil
}

// documentConfig is what documents are read with on this machine, or as in AWS Lambda.
func documentConfig(realLambda bool) (destination.Config, error) {
	prefix, err := secretPrefix(os.Getenv("KEYRELAY_SECRET_PREFIX"))
	if err != nil {
		return destination.Config{}, err
	}
	widest, err := networksSetting(os.Getenv("KEYRELAY_NETWORKS"), realLambda)
	return destination.Config{RealLambda: realLambda, Widest: &widest, SecretPrefix: prefix}, err
}

// withoutQueue are the places that need a queue, where there is none here.
func withoutQueue(set *destination.Set) (faults destination.Faults) {
	if os.Getenv("KEYRELAY_QUEUE") != "" {
		return nil
	}
	for _, each := range set.Destinations() {
		for _, place := range each.Later {
			faults = append(faults, destination.Fault{Place: place, Problem: "x-keyrelay-delivery: later needs a queue, and there is none",
				Remedy: "set KEYRELAY_QUEUE and KEYRELAY_DEAD_QUEUE where keyrelay runs"})
		}
	}
	return faults
}

// unusableHere are the secrets of this machine that are not there, or are not what
// their credentials are made of. No secret of Secrets Manager is read.
func unusableHere(set *destination.Set) (faults destination.Faults) {
	secrets := secret.New(secret.Config{})
	err := secrets.Check(set)
	if err == nil {
		err = credential.Check(context.Background(), set, secrets)
	}
	_ = errors.As(err, &faults)
	return faults
}

// checkForLambda checks a folder as check does, as the function that the template
// describes would at its start, and finds what that will not have: files, and variables
// that KEYRELAY_ENVIRONMENT does not hold. A secret whose name its role may not read is
// a warning, since the role can be given more.
func checkForLambda(folder string, out io.Writer) error {
	config, err := documentConfig(true)
	if err != nil {
		return err
	}
	variables, err := texts("KEYRELAY_ENVIRONMENT", os.Getenv("KEYRELAY_ENVIRONMENT"))
	if err != nil {
		return err
	}
	config.NoQueue = os.Getenv("KEYRELAY_QUEUE") == ""
	set, err := destination.Load(folder, config)
	var faults destination.Faults
	if errors.As(err, &faults) { // where only the network or the queue is missing, secrets may be as well
		config.Widest, config.NoQueue = nil, false
		if set, err = destination.Load(folder, config); err != nil {
			return faults
		}
	}
	if faults = append(faults, missingInLambda(set, variables)...); len(faults) > 0 {
		return faults
	}
	warnings := append(warningsOf(set), unreadableInLambda(set, cmp.Or(config.SecretPrefix, destination.DefaultSecretPrefix))...)
	tooLarge, err := checkMemory(folder)
	if err != nil {
		return err
	}
	report(set, append(warnings, tooLarge...), out)
	return nil
}

// missingInLambda are the references to what the function will lack.
func missingInLambda(set *destination.Set, variables map[string]string) (faults destination.Faults) {
	for _, each := range set.Destinations() {
		for _, placed := range each.References {
			_, given := variables[placed.Name]
			switch {
			case placed.Provider == "file":
				faults = append(faults, destination.Fault{Place: placed.Place, Problem: "the function will not have the file " + placed.Name, Remedy: "put the secret into Secrets Manager"})
			case placed.Provider == "env" && !given:
				faults = append(faults, destination.Fault{Place: placed.Place, Problem: "the function will not have the environment variable " + placed.Name,
					Remedy: "put the secret into Secrets Manager; or give it in the template's parameter Environment, and in KEYRELAY_ENVIRONMENT to this check"})
			}
		}
	}
	return faults
}

// unreadableInLambda warns of the secrets that the template's role may not read.
func unreadableInLambda(set *destination.Set, prefix string) (warnings []string) {
	for _, each := range set.Destinations() {
		for _, placed := range each.References {
			if placed.Provider == "secretsmanager" && !strings.HasPrefix(placed.Name, prefix) && !strings.HasPrefix(placed.Name, "arn:") {
				warnings = append(warnings, destination.Fault{Place: placed.Place, Problem: "the function's role may read secrets below " + prefix + " only",
					Remedy: "rename this one, or set the template's parameter SecretPrefix, and KEYRELAY_SECRET_PREFIX for this check"}.String())
			}
		}
	}
	return warnings
}

func warningsOf(set *destination.Set) (warnings []string) {
	for _, each := range set.Warnings() {
		warnings = append(warnings, each.String())
	}
	return warnings
}

// report says what there is in documents without a fault, and the warnings.
func report(set *destination.Set, warnings []string, out io.Writer) {
	for _, each := range set.Destinations() {
		fmt.Fprintf(out, "%s: %s, %s\n", each.Name, each.Title, attached(each))
		explain(each, out)
	}
	for _, each := range warnings {
		fmt.Fprintf(out, "warning: %s\n", each)
	}
	ending := ""
	if len(warnings) > 0 {
		ending = ", " + count(len(warnings), "warning")
	}
	fmt.Fprintf(out, "%s, no fault%s\n", count(len(set.Destinations()), "document"), ending)
}

// explain lists what a document reaches, and how alternatives of its security are decided.
func explain(checked *destination.Destination, out io.Writer) {
	fmt.Fprintf(out, "  network: %s\n  hosts: %s\n", checked.Network, strings.Join(hosts(checked), ", "))
	for _, choice := range checked.Choices {
		more := ""
		if choice.Count > 1 {
			more = fmt.Sprintf(" and %d more", choice.Count-1)
		}
		fmt.Fprintf(out, "  security at line %d, column %d%s: %s\n", choice.Line, choice.Column, more, choice.Text)
	}
	for _, reference := range checked.References {
		fmt.Fprintf(out, "  secret at line %d, column %d: %s\n", reference.Line, reference.Column, reference.Reference)
	}
}

// hosts are the origins of a document's servers, and then of what is called for
// credentials and sessions, in their order. What a discovery document names is not known
// before it is read.
func hosts(checked *destination.Destination) []string {
	urls := checked.Origins()
	for _, name := range slices.Sorted(maps.Keys(checked.Schemes)) {
		scheme := checked.Schemes[name]
		if scheme.Retrieval != nil {
			urls = append(urls, scheme.Retrieval.URL)
		}
		if scheme.Flow != nil {
			urls = append(urls, scheme.Flow.TokenURL, scheme.Flow.RefreshURL)
		}
		urls = append(urls, scheme.DiscoveryURL)
	}
	if checked.Session != nil {
		urls = append(urls, checked.Session.IntrospectionURL, checked.Session.JWKSURL)
	}
	var origins []string
	for _, each := range urls {
		if each == nil {
			continue
		}
		if origin := each.Scheme + "://" + each.Host; !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}

// count words a number of things.
func count(number int, thing string) string {
	if number == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", number, thing)
}

func attached(checked *destination.Destination) string {
	switch {
	case len(checked.Attached) > 0:
		return "attaches " + strings.Join(checked.Attached, ", ")
	case len(checked.Schemes) > 0:
		return "attaches no credential: security names none of its schemes"
	}
	return "attaches no credential"
}

// defaultMemory is the template's parameter Memory, in MB.
const defaultMemory = 256

// smallDocuments is how many bytes of documents no function is too small for.
const smallDocuments = 1 << 20

// checkMemory warns where the documents, packed, take more than half of the memory
// that a function has: AWS_LAMBDA_FUNCTION_MEMORY_SIZE, or what the template gives.
func checkMemory(folder string) (warnings []string, err error) {
	documents, err := destination.Pack(folder, destination.Config{RealLambda: true})
	if err != nil {
		return nil, err
	}
	size := 0
	for _, document := range documents {
		size += len(document)
	}
	if size < smallDocuments {
		return nil, nil
	}
	needed, err := memoryOf(documents)
	if err != nil {
		return nil, err
	}
	memory, err := strconv.Atoi(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	if err != nil {
		memory = defaultMemory
	}
	if needed > uint64(memory)<<20/2 {
		warnings = append(warnings, fmt.Sprintf("to load these documents takes about %d MB, more than half of the function's %d MB; give it more by the template's parameter Memory, or take documents out",
			needed>>20, memory))
	}
	return warnings, nil
}

// memoryOf loads documents and returns how many bytes that takes.
func memoryOf(documents map[string][]byte) (uint64, error) {
	folder, err := os.MkdirTemp("", "keyrelay")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	for name := range documents {
		if err := os.WriteFile(filepath.Join(folder, name), documents[name], 0o600); err != nil { // #nosec G703 -- a name that the folder itself listed
			return 0, err
		}
		delete(documents, name)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	set, err := destination.Load(folder, destination.Config{RealLambda: true})
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(set)
	return max(after.HeapAlloc, before.HeapAlloc) - before.HeapAlloc, err
}
