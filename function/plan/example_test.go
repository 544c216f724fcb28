package plan_test

import (
	"fmt"
	"net/http"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// A field of the record becomes a query parameter; the rest is sent byte for byte as it came.
func ExampleNew() {
	set, err := destination.Load("testdata/destinations", destination.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	outbound, err := plan.New(set, &gateway.Request{
		Method: http.MethodPost,
		Path:   "/",
		Header: http.Header{
			"Content-Type":               {"application/json"},
			"X-Osmos-Outbound-Url":       {"https://api.example.com/orders?source=osmos"},
			"X-Osmos-Query-Param-Fields": {"customer"},
		},
		Body: []byte(`{"customer": "c-42", "amount": 1.50}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(outbound.Method, outbound.URL)
	fmt.Printf("%s\n", outbound.Body)
	// Output:
	// POST https://api.example.com/orders?source=osmos&customer=c-42
	// {"amount": 1.50}
}
