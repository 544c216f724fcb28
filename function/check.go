package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"keyrelay/function/destination"
)

// check reads the documents of a folder as a Lambda function in AWS would, so that
// a build can stop at a faulty one, and says what credential each attaches: a
// forgotten security is no fault, since a caller may place a credential by itself.
// What of the documents is switched off is a warning, once for each cause. All that
// a document reaches, networks and secrets, is listed, so that a reviewer sees it.
// Environment variables and files that documents name are not looked for: they
// belong to the machine that will serve.
func check(folder string, out io.Writer) error {
	set, err := destination.Load(folder, destination.Config{RealLambda: true})
	if err != nil {
		return err
	}
	for _, each := range set.Destinations() {
		fmt.Fprintf(out, "%s: %s, %s\n", each.Name, each.Title, attached(each))
		explain(each, out)
	}
	for _, each := range set.Warnings() {
		fmt.Fprintf(out, "warning: %s\n", each)
	}
	if err := checkMemory(folder, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d documents, no fault%s\n", len(set.Destinations()), counted(len(set.Warnings())))
	return nil
}

// explain lists what a document reaches, and how alternatives of its security are decided.
func explain(checked *destination.Destination, out io.Writer) {
	fmt.Fprintf(out, "  network: %s\n", checked.Network)
	for _, choice := range checked.Choices {
		fmt.Fprintf(out, "  security at %d:%d and %d more: %s\n", choice.Line, choice.Column, choice.Count-1, choice.Text)
	}
	for _, reference := range checked.References {
		fmt.Fprintf(out, "  secret at %d:%d: %s\n", reference.Line, reference.Column, reference.Reference)
	}
}

// checkForLambda checks a folder as check does, and finds what the function that the
// template describes will not have: files, and variables that KEYRELAY_ENVIRONMENT
// does not hold. A secret whose name its role may not read is a warning, since
// the role can be given more.
func checkForLambda(folder string, out io.Writer) error {
	if err := check(folder, out); err != nil {
		return err
	}
	prefix := cmp.Or(os.Getenv("KEYRELAY_SECRET_PREFIX"), destination.DefaultSecretPrefix)
	set, err := destination.Load(folder, destination.Config{RealLambda: true, SecretPrefix: prefix})
	if err != nil {
		return err
	}
	if err := warnOfNetworks(set, out); err != nil {
		return err
	}
	warnOfQueue(set, out)
	variables, err := texts("KEYRELAY_ENVIRONMENT", os.Getenv("KEYRELAY_ENVIRONMENT"))
	if err != nil {
		return err
	}
	var faults destination.Faults
	for _, each := range set.Destinations() {
		for _, placed := range each.References {
			if problem, remedy := missingInLambda(placed.Reference, variables); problem != "" {
				faults = append(faults, destination.Fault{Place: placed.Place, Problem: problem, Remedy: remedy})
			}
			if placed.Provider == "secretsmanager" && !strings.HasPrefix(placed.Name, prefix) && !strings.HasPrefix(placed.Name, "arn:") {
				fmt.Fprintf(out, "warning: %s\n", destination.Fault{Place: placed.Place, Problem: "the function's role may read secrets below " + prefix + " only",
					Remedy: "rename this one, or set the template's parameter SecretPrefix, and KEYRELAY_SECRET_PREFIX for this check"})
			}
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// warnOfNetworks names the documents that open more than the function will allow:
// KEYRELAY_NETWORKS, or what the template's parameter Networks is unless set.
func warnOfNetworks(set *destination.Set, out io.Writer) error {
	widest, err := networksSetting(os.Getenv("KEYRELAY_NETWORKS"), true)
	if err != nil {
		return err
	}
	for _, each := range set.Destinations() {
		if each.Network > widest {
			fmt.Fprintf(out, "warning: %s: its network %s is wider than %s, so that the function will not start; set the template's parameter Networks, and KEYRELAY_NETWORKS for this check, to %s\n",
				each.Name, each.Network, widest, each.Network)
		}
	}
	return nil
}

// warnOfQueue names the places that need a queue, which the function has where the
// template's parameter Later is true.
func warnOfQueue(set *destination.Set, out io.Writer) {
	if os.Getenv("KEYRELAY_QUEUE") != "" {
		return
	}
	for _, each := range set.Destinations() {
		for _, place := range each.Later {
			fmt.Fprintf(out, "warning: %s\n", destination.Fault{Place: place, Problem: "x-keyrelay-delivery: later needs a queue, without which the function will not start",
				Remedy: "set the template's parameter Later to true, and KEYRELAY_QUEUE, to any text, for this check"})
		}
	}
}

// missingInLambda says what the function will lack of what a reference names.
func missingInLambda(reference destination.Reference, variables map[string]string) (problem, remedy string) {
	switch reference.Provider {
	case "file":
		return "the function will not have the file " + reference.Name, "put the secret into Secrets Manager"
	case "env":
		if _, found := variables[reference.Name]; !found {
			return "the function will not have the environment variable " + reference.Name,
				"put the secret into Secrets Manager; or give it in the template's parameter Environment, and in KEYRELAY_ENVIRONMENT to this check"
		}
	}
	return "", ""
}

// counted words how many warnings there are.
func counted(warnings int) string {
	switch warnings {
	case 0:
		return ""
	case 1:
		return ", 1 warning"
	}
	return fmt.Sprintf(", %d warnings", warnings)
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
