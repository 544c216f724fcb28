package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"keyrelay/function/fake"
)

// TestAWSLogsNothing starts the program where the AWS SDK has something to log, a metadata
// service that knows no tokens, and sees that every line is JSON all the same.
func TestAWSLogsNothing(t *testing.T) {
	asked := make(chan struct{}, 100)
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			asked <- struct{}{}
		}
		http.NotFound(w, r)
	}))
	defer metadata.Close()
	port := fake.FreePort(t)
	document := openDocument("http://127.0.0.1:9") + "security: [{key: []}]\ncomponents: {securitySchemes: {key: {type: http, scheme: bearer}}}\n"
	command := program(nil, "PORT=127.0.0.1:"+port, "KEYRELAY_DESTINATIONS="+writeDocuments(t, document), "AWS_REGION=us-east-1", "HOME="+t.TempDir(),
		"AWS_EC2_METADATA_SERVICE_ENDPOINT="+metadata.URL, "KEYRELAY_QUEUE="+queueURL, "KEYRELAY_DEAD_QUEUE="+queueURL+"-dead")
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout // one pipe for both
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = command.Process.Kill() }()
	lines := bufio.NewScanner(output)
	for serving := false; lines.Scan(); {
		if !json.Valid(lines.Bytes()) {
			t.Errorf("the log has the line %s", lines.Text())
		}
		if !serving {
			serving = true
			go func() {
				relayed(port, "http://127.0.0.1:9", "")
				<-asked
				_ = command.Process.Signal(syscall.SIGTERM)
			}()
		}
	}
}
