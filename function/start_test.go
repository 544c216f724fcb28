package main

import (
	"strings"
	"testing"
)

// TestStartWarnings sees what a start says that serves all the same: keys that may be
// guessed, and secrets that no region is known for. A region of a profile is one.
func TestStartWarnings(t *testing.T) {
	managed := writeDocuments(t, secretDocument("secretsmanager:keyrelay/orders"))
	set := writeDocuments(t, openDocument("http://127.0.0.1:9"))
	profile := writeFile(t, t.TempDir(), "config", "[default]\nregion = eu-central-1\n")
	const long, short = "0123456789-of-caller", "holds a key of fewer than 16 characters"
	for name, test := range map[string]struct {
		folder, keys string
		variables    map[string]string
		told         string
	}{
		"nothing":               {set, "", nil, ""},
		"a short key":           {set, "123", nil, short},
		"a short key of many":   {set, `{"osmos": ["` + long + `", "0123456789abcde"]}`, nil, short},
		"long keys":             {set, `["` + long + `", "0123456789abcdef"]`, nil, ""},
		"no region":             {managed, "", nil, "such as secretsmanager:keyrelay/orders, since no AWS region is set"},
		"a region":              {managed, "", map[string]string{"AWS_REGION": "us-east-1"}, ""},
		"a region of a profile": {managed, "", map[string]string{"AWS_CONFIG_FILE": profile}, ""},
		"no such profile":       {managed, "", map[string]string{"AWS_PROFILE": "absent"}, "such as secretsmanager:keyrelay/orders, since the AWS configuration of this process is broken"},
		"in Lambda":             {managed, "", map[string]string{"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_LAMBDA_RUNTIME_API"} {
				t.Setenv(variable, test.variables[variable])
			}
			t.Setenv("AWS_CONFIG_FILE", "/nowhere")
			if file := test.variables["AWS_CONFIG_FILE"]; file != "" {
				t.Setenv("AWS_CONFIG_FILE", file)
			}
			t.Setenv("KEYRELAY_DESTINATIONS", test.folder)
			t.Setenv("CALLERS", test.keys)
			t.Setenv("KEYRELAY_CALLER_KEYS", "")
			if test.keys != "" {
				t.Setenv("KEYRELAY_CALLER_KEYS", "env:CALLERS")
			}
			read, wired, err := prepare()
			if err != nil {
				t.Fatal(err)
			}
			told := strings.Join(startWarnings(read, wired.Destinations()), "\n")
			if (told == "") != (test.told == "") || !strings.Contains(told, test.told) || strings.Contains(told, long) {
				t.Errorf("it says %q", told)
			}
		})
	}
}

// TestHelp sees that each command is told, to who asks for it in any way.
func TestHelp(t *testing.T) {
	for _, arguments := range [][]string{{"help"}, {"--help"}, {"-h"}, {"check", "--help"}, {"login", "-h"}} {
		printed, err := program(arguments).Output()
		for _, command := range []string{"check FOLDER", "check --for lambda FOLDER", "pack FROM TO", "login ", "healthcheck", "version"} {
			if err != nil || !strings.Contains(string(printed), "\nkeyrelay "+command) {
				t.Errorf("%q: %v, without %s: %s", arguments, err, command, printed)
			}
		}
	}
}
