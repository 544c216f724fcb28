package destination_test

import (
	"errors"
	"strings"
	"testing"

	"keyrelay/function/destination"
)

// TestPathAlternatives leaves out alternatives whose credential has no place in an operation's path.
func TestPathAlternatives(t *testing.T) {
	set := load(t, yaml(`
openapi: 3.1.1
servers: [{url: "https://api.example.com/v2"}]
security: [{bot: []}, {key: []}]
paths:
  "/bot{token}/send": {post: {}}
  /plain: {post: {}}
  /swapped: {post: {security: [{key: []}, {bot: []}]}}
  /optional: {post: {security: [{bot: []}, {}]}}
  /only: {post: {security: [{bot: []}]}}
components:
  securitySchemes:
    bot: {type: apiKey, in: header, name: token, x-keyrelay-in: path}
    key: {type: apiKey, in: header, name: X-Api-Key}
`))
	for path, want := range map[string]string{"/bot{token}/send": "bot, key", "/plain": "key", "/swapped": "key", "/optional": ""} {
		operation := find(t, set, "POST", "https://api.example.com/v2"+path)
		lists := [][]destination.Requirement{operation.Security}
		if operation.Alternatives != nil {
			lists = operation.Alternatives.Lists
		}
		var got []string
		for _, security := range lists {
			for _, each := range security {
				got = append(got, each.Scheme.Name)
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s attaches %v, want %s", path, got, want)
		}
	}
	location := located(t, set, "https://api.example.com/v2/only")
	if operation, err := location.Operation("POST", location.Path); !errors.Is(err, destination.ErrUnusable) {
		t.Errorf("without a place for its only credential it is %+v, %v", operation, err)
	}
}
