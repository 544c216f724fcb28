package relay_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/relay"
	"keyrelay/function/secret"
)

// A relay over HTTP: a document names an API and its key, and a caller's record
// reaches it with that key and without the field that became a query parameter.
func ExampleNew() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s with key %s: %s", r.Method, r.URL, r.Header.Get("X-Api-Key"), record)
	}))
	defer api.Close()
	folder, err := os.MkdirTemp("", "destinations-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	document := loopback + `servers: [{url: "` + api.URL + `"}]
security: [{key: []}]
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Api-Key, x-keyrelay-secret: "file:` + filepath.Join(folder, "key") + `"}
`
	for name, text := range map[string]string{"orders.yaml": document, "key": "k-1"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			fmt.Println(err)
			return
		}
	}
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	relayed := httptest.NewServer(gateway.HTTP(relay.New(relay.Config{Destinations: set, Secrets: secret.New(secret.Config{}), Log: io.Discard})))
	defer relayed.Close()

	request, _ := http.NewRequest(http.MethodPost, relayed.URL, strings.NewReader(`{"customer": "c-42", "amount": 1.50}`))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Osmos-Outbound-Url", api.URL+"/orders")
	request.Header.Set("X-Osmos-Query-Param-Fields", "customer")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	fmt.Printf("%s\n%s\n", answer.Header.Get("Proxy-Status"), body)
	// Output:
	// keyrelay; received-status=200
	// POST /orders?customer=c-42 with key k-1: {"amount": 1.50}
}
