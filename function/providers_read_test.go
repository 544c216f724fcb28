package main

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// An entry is one provider of the list, or a part of one.
type entry map[string]any

func (e entry) text(name string) string {
	text, _ := e[name].(string)
	return text
}

func (e entry) part(name string) entry {
	part, _ := e[name].(entry)
	return part
}

// joined are the x-keyrelay-values of a scheme.
func (e entry) joined() entry {
	if e["x-keyrelay-values"] == nil {
		e["x-keyrelay-values"] = entry{}
	}
	return e.part("x-keyrelay-values")
}

// A translation is what a user would write for a provider, and what then has to arrive.
type translation struct {
	entry
	schemes, secret, required entry
	// headers are those that the caller sends, and base is the URL that it calls.
	headers map[string]string
	base    string
	// bodyType is the media type of the body where it is not JSON.
	bodyType string
	// token is the scheme whose answer has the access token; pending is what of it
	// belongs into the first place that the token goes to.
	token   string
	pending entry
	// issued is where in the answer the access token is.
	issued string
	// consent says that a person logs in, with login, before anything else.
	consent, certificate bool
	// signedJWT is the header and the claims of the JWT that is signed, as signingKeys show them.
	signedJWT string
	calls     []*expectedCall
	places    []expectedPlace
	joined    int
}

// An expectedCall is one that has to be made before the API is called: for a token.
type expectedCall struct {
	url, method, format string
	headers             map[string]string
	// parameters are all of the body, or of the query where the format is query.
	parameters entry
	answer     entry
	cookie     string
}

// An expectedPlace is where in the request to the API a text has to be.
type expectedPlace struct{ in, name, text string }

// translate makes a document and a secret of an entry by rules that know no provider.
func translate(e entry) (t *translation, err error) {
	t = &translation{entry: withoutModes(e), schemes: entry{}, required: entry{}, headers: map[string]string{}, issued: "access_token",
		secret: entry{"client_id": "client-id", "client_secret": "a-client-secret-of-32-bytes-length"}}
	t.base = strings.TrimSuffix(t.address(cmp.Or(t.part("proxy").text("base_url"), "https://api.example.com")), "/")
	switch t.text("auth_mode") {
	case "TWO_STEP":
		err = t.steps()
	case "OAUTH2", "OAUTH2_CC", "MCP_OAUTH2", "MCP_OAUTH2_GENERIC":
		err = t.oauth()
	case "JWT":
		t.token, t.pending, err = "jwt", entry{}, t.jwt("jwt", t.part("token"))
	case "OAUTH1":
		t.signed(entry{"type": "http", "scheme": "OAuth", "x-keyrelay-oauth1": entry{"signatureMethod": t.text("signature_method")}},
			entry{"consumer_key": "ck", "consumer_secret": "cs", "token": "ct", "token_secret": "ts"}, `OAuth oauth_consumer_key="ck"`)
	case "AWS_SIGV4":
		t.aws("region", "service")
	case "API_KEY", "BASIC", "NONE":
	default:
		return nil, fmt.Errorf("%s signs with %s", t.text("auth_mode"), t.part("signature").text("protocol"))
	}
	if err == nil {
		err = t.place()
	}
	return t, err
}

// withoutModes says in the words of the general modes what the list says with one of its own.
func withoutModes(e entry) entry {
	e = maps.Clone(e)
	app := entry{"signing_key": "${credentials.privateKey}", "header": entry{"alg": "RS256"}, "payload": entry{"iss": "${credentials.appId}"}}
	for mode, general := range map[string]entry{
		"INSTALL_PLUGIN": {"auth_mode": "BASIC"},
		"TBA":            {"auth_mode": "OAUTH1", "signature_method": "HMAC-SHA256"},
		"APP":            {"auth_mode": "TWO_STEP", "token": app, "token_headers": entry{"authorization": "Bearer ${token}"}, "token_response": entry{"token": "token"}},
		"BILL": {"auth_mode": "TWO_STEP", "token_params": entry{"devKey": "${credentials.devKey}", "username": "${credentials.username}", "password": "${credentials.password}", "organizationId": "${credentials.organizationId}"},
			"token_response": entry{"token": "sessionId"}},
	} {
		if e.text("auth_mode") == mode || mode == "APP" && e.text("auth_mode") == "CUSTOM" {
			maps.Copy(e, general)
			if mode == "BILL" {
				e["proxy"] = entry{"base_url": e.part("proxy").text("base_url"), "headers": entry{"devKey": "${credentials.devKey}", "sessionId": "${accessToken}"}}
			}
		}
	}
	if urls := e.part("token_url"); urls != nil {
		e["token_url"] = urls.text("APP")
	}
	if e.text("token_request_auth_method") == "custom" {
		e["auth_mode"], e["token_response"] = "TWO_STEP", entry{"token": "jwt"}
		e["token_params"] = entry{"username": "${credentials.username}", "password": "${credentials.password}"}
	}
	return e
}

// expand replaces ${name} and ${function(…)} in a text, of whose alternatives it takes the first.
func expand(text string, name func(string) (string, error), function func(name, argument string) (string, error)) (string, error) {
	text, _, _ = strings.Cut(text, " || ")
	before, rest, found := strings.Cut(text, "${")
	if !found {
		return text, nil
	}
	end, depth := 0, 1
	for ; end < len(rest) && depth > 0; end++ {
		depth += strings.Count(rest[end:end+1], "{") - strings.Count(rest[end:end+1], "}")
	}
	inner := rest[:end-1]
	var value string
	var err error
	if called, argument, is := strings.Cut(inner, "("); is {
		if argument, err = expand(strings.TrimSuffix(argument, ")"), name, function); err == nil {
			value, err = function(called, argument)
		}
	} else {
		value, err = name(inner)
	}
	if err != nil {
		return "", err
	}
	after, err := expand(rest[end:], name, function)
	return before + value + after, err
}

// address is a URL in which everything that is the user's own is written out.
func (t *translation) address(text string) string {
	text, _, _ = strings.Cut(text, " || ")
	text = strings.ReplaceAll(text, ":${connectionConfig.port}", ":8443")
	text = regexp.MustCompile(`\$\{[^}]*?([A-Za-z_]+)\}`).ReplaceAllStringFunc(text, func(found string) string {
		if found == "${apiKey}" {
			return "{apiKey}"
		}
		return strings.ToLower(regexp.MustCompile(`[^A-Za-z]`).ReplaceAllString(found[strings.LastIndex(found, ".")+1:], "")) + ".example"
	})
	if !strings.HasPrefix(text, "https://") {
		text = "https://" + text
	}
	return text
}

// member is the member of the secret that holds what the list names.
func member(name string) string {
	_, after, found := strings.Cut(name, ".")
	if !found {
		after = name
	}
	return strings.ReplaceAll(after, ".", "_")
}

// value is what a name of the list stands for while the test runs.
func (t *translation) value(name string) (string, error) {
	kind, rest, _ := strings.Cut(name, ".")
	switch {
	case name == "token" || t.isToken(name) && t.text("auth_mode") == "JWT" || t.entry["assertion"] != nil && name == "credentials.assertion":
		return t.signedJWT, nil
	case t.isToken(name):
		return "issued+/=" + t.issued, nil
	case strings.HasPrefix(kind, "step"):
		return "issued+/=" + rest, nil
	case strings.HasPrefix(name, "credentials.raw."):
		return "issued+/=" + member(rest), nil
	case name == "clientId" || name == "clientSecret":
		return t.secret.text("client_" + strings.ToLower(strings.TrimPrefix(name, "client"))), nil
	case kind == "credentials" || kind == "connectionConfig" || kind == "assertionOption" || name == "apiKey" || kind == "integration_config":
		return "s:e+c/r&" + member(name), nil
	}
	return "", errors.New("needs ${" + name + "}")
}

func (t *translation) isToken(name string) bool {
	return name == "accessToken" || name == "credentials.token"
}

// valueOf is a text of the list with its values.
func (t *translation) valueOf(text string) (string, error) {
	return expand(text, t.value, func(function, argument string) (string, error) {
		if function == "base64" {
			return base64.StdEncoding.EncodeToString([]byte(argument)), nil
		}
		return t.computed(function)
	})
}

// computed is what a function gives of what the user knows alone: it is in the secret.
func (t *translation) computed(function string) (string, error) {
	if function == "fingerprint" {
		return t.value("credentials." + function)
	}
	return "", errors.New("needs the function " + function)
}

// template writes a text of the list as a template. It puts what it needs into the secret,
// and into the scheme what is to be joined before it is encoded.
func (t *translation) template(scheme entry, text string) (string, error) {
	return expand(text, func(name string) (string, error) {
		value, err := t.value(name)
		if err != nil {
			return "", err
		}
		kind, rest, _ := strings.Cut(name, ".")
		switch {
		case t.isToken(name) && t.issued == "":
			return "{{{.}}}", nil
		case t.isToken(name):
			return "{{{/" + strings.ReplaceAll(t.issued, ".", "/") + "}}}", nil
		case value == t.signedJWT && value != "":
			return "{{{assertion}}}", nil
		case strings.HasPrefix(kind, "step"):
			return "{{{" + kind + "}}}", t.step(kind, rest)
		case strings.HasPrefix(name, "credentials.raw."):
			return "{{{" + member(rest) + "}}}", nil
		}
		t.secret[member(name)] = value
		return "{{{" + member(name) + "}}}", nil
	}, func(function, argument string) (string, error) {
		if function != "base64" {
			value, err := t.computed(function)
			t.secret[function] = value
			return "{{{" + function + "}}}", err
		}
		t.joined++
		joined := fmt.Sprintf("joined%d", t.joined)
		scheme.joined()[joined] = argument
		return "{{{base64 " + joined + "}}}", nil
	})
}

// tree applies a function to every text of a JSON value.
func tree(value any, change func(string) (string, error)) (any, error) {
	var err error
	switch typed := value.(type) {
	case string:
		return change(typed)
	case entry:
		changed := entry{}
		for name, each := range typed {
			if changed[name], err = tree(each, change); err != nil {
				return nil, err
			}
		}
		return changed, nil
	case []any:
		changed := slices.Clone(typed)
		for i, each := range typed {
			if changed[i], err = tree(each, change); err != nil {
				return nil, err
			}
		}
		return changed, nil
	}
	return value, nil
}

// signed requires a scheme that signs the whole request, with a secret of its own.
func (t *translation) signed(scheme, secret entry, begins string) {
	maps.Copy(t.secret, secret)
	t.schemes["signed"], t.required["signed"] = scheme, []any{}
	t.places = append(t.places, expectedPlace{"header", "Authorization", begins})
}

func (t *translation) aws(region, service string) {
	t.signed(entry{"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4", "x-keyrelay-sigv4": entry{"service": service, "region": region}},
		entry{"access_key_id": "AKIDEXAMPLE", "secret_access_key": "example"}, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
}
