package destination_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"keyrelay/function/destination"
)

// writeExample writes one document into a folder of its own.
func writeExample(text string) (folder string) {
	folder, err := os.MkdirTemp("", "destinations-")
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "orders.yaml"), []byte(text), 0o600); err != nil {
		panic(err)
	}
	return folder
}

// A document's servers are the allow-list, and its paths say what may be called there.
func ExampleSet_Locate() {
	folder := writeExample(`
openapi: 3.1.0
info: {title: Orders, version: "1"}
servers: [{url: "https://api.example.com/v2"}]
paths:
  /orders/{id}:
    get: {}
`)
	defer os.RemoveAll(folder)
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	location, err := set.Locate("https://api.example.com/v2/orders/17?expand=1")
	if err != nil {
		fmt.Println(err)
		return
	}
	operation, err := location.Operation("GET", location.Path)
	fmt.Println(operation.Destination.Title, operation.Path, err)
	_, err = set.Locate("https://api.example.com.attacker.example/v2/orders/17")
	fmt.Println(err != nil)
	// Output:
	// Orders /orders/{id} <nil>
	// true
}

// Load reports every fault of every document at once, each with its place and with what to write instead.
func ExampleLoad() {
	folder := writeExample(`
openapi: 3.1.0
info: {title: Orders, version: "1"}
servers: [{url: "http://api.example.com"}]
x-keyrelay-netwrok: private
`)
	defer os.RemoveAll(folder)
	_, err := destination.Load(folder, destination.Config{})
	fmt.Println(strings.ReplaceAll(err.Error(), folder, "destinations"))
	// Output:
	// destinations/orders.yaml:4:17: the server URL is http:// on the public network; write https://, or x-keyrelay-network: private, or loopback for this machine, where the API is not on the internet
	// destinations/orders.yaml:5:1: x-keyrelay-netwrok is not known; write x-keyrelay-network, or remove it
}
