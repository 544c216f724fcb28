package main

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"regexp"
	"strings"

	"keyrelay/function/fake"
)

// place writes a scheme for each place of the request in which the list has something of
// the user's, and has the caller send the fields that never change.
func (t *translation) place() error {
	proxy := t.part("proxy")
	headers, texts := maps.Clone(proxy.part("headers")), strings.Builder{}
	for _, name := range []string{"headers", "query", "body"} {
		encoded, _ := json.Marshal(proxy.part(name))
		texts.Write(encoded)
	}
	if headers == nil {
		headers = entry{}
	}
	if own := t.part("integration_config"); own.part("valueTemplate") != nil {
		headers[strings.ToLower(own.part("keyName").text("example"))] = own.part("valueTemplate").text("example")
	}
	mode := t.text("auth_mode")
	switch {
	case headers["authorization"] != nil:
	case mode == "BASIC":
		headers["authorization"] = "Basic ${base64(${credentials.username}:${credentials.password})}"
	case t.token != "" && !strings.Contains(texts.String(), "${accessToken}") && !strings.Contains(texts.String(), "${credentials._cookies}"):
		headers["authorization"] = "Bearer ${accessToken}"
	case mode == "API_KEY" && !strings.Contains(texts.String()+t.base, "apiKey}"):
		return errors.New("the list says nowhere where the key goes")
	}
	if strings.Contains(t.base, "{apiKey}") {
		if err := t.attach("path", "apiKey", "${apiKey}"); err != nil {
			return err
		}
	}
	for name, value := range headers {
		if err := t.header(name, value.(string)); err != nil {
			return err
		}
	}
	for name, value := range proxy.part("query") {
		if err := t.attach("query", name, value.(string)); err != nil {
			return err
		}
	}
	return t.body("", proxy.part("body"))
}

func (t *translation) header(name, text string) error {
	switch {
	case strings.HasPrefix(text, "${awsSigV4("):
		arguments := strings.Split(strings.Trim(text, "{}()$"), ", ")
		region, service := t.address(arguments[2]), t.address(arguments[3])
		t.aws(strings.TrimPrefix(region, "https://"), strings.TrimPrefix(service, "https://"))
	case text == "${credentials._cookies}":
		return t.attach("cookie", "session", "${accessToken}")
	case !strings.Contains(text, "${") && name == "authorization":
		t.secret["fixed"] = text
		t.places = append(t.places, expectedPlace{"header", name, text})
		t.schemes["fixed"], t.required["fixed"] = entry{"type": "apiKey", "in": "header", "name": name, "x-keyrelay-value": "{{{fixed}}}"}, []any{}
	case text == "${random}" || strings.HasPrefix(text, "${now:YYYYMMDD"):
		// The caller numbers its own requests, and a signature of AWS has its own date.
	case name == "content-type" && strings.Contains(text, "xml"):
		return errors.New("takes XML")
	case name == "content-type" && strings.HasSuffix(text, "form-urlencoded"):
		t.bodyType = text
	case name == "accept" || name == "content-type" || name == "user-agent" || name != "authorization" && !strings.Contains(text, "${"):
		value, err := t.valueOf(text)
		t.headers[name] = value
		t.places = append(t.places, expectedPlace{"header", name, value})
		return err
	default:
		return t.attach("header", name, text)
	}
	return nil
}

func (t *translation) body(pointer string, members entry) error {
	for name, value := range members {
		var err error
		if inner, nested := value.(entry); nested {
			err = t.body(pointer+"/"+name, inner)
		} else {
			err = t.attach("body", pointer+"/"+name, value.(string))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// attach writes the scheme of one place.
func (t *translation) attach(in, name, text string) error {
	expected, err := t.valueOf(text)
	if err != nil {
		return err
	}
	t.places = append(t.places, expectedPlace{in, name, expected})
	scheme := entry{"type": "apiKey", "in": in, "name": name}
	if in == "body" || in == "path" {
		scheme["in"], scheme["x-keyrelay-in"] = "header", in
	}
	if scheme["x-keyrelay-value"], err = t.template(scheme, text); err != nil {
		return err
	}
	key := "place" + regexp.MustCompile(`\W`).ReplaceAllString(in+name, "_")
	word := regexp.MustCompile(`^([\w-]+) \$\{([\w.]+)\}$`).FindStringSubmatch(text)
	bearer := in == "header" && name == "authorization" && word != nil && word[1] != "Basic"
	switch filled := strings.Contains(text, "${accessToken}") || strings.Contains(text, "${credentials.token}") || strings.Contains(text, "${credentials.raw."); {
	case !filled && bearer:
		scheme = entry{"type": "http", "scheme": word[1], "x-keyrelay-value": strings.TrimPrefix(scheme.text("x-keyrelay-value"), word[1]+" ")}
	case filled && t.token == "jwt":
		maps.Copy(t.schemes.part("jwt"), entry{"type": "http", "scheme": word[1]})
		key, scheme = "jwt", t.schemes.part("jwt")
	case filled && t.pending == nil && bearer && t.schemes.part(t.token).text("type") != "apiKey":
		key, scheme = t.token, t.schemes.part(t.token)
	case filled && t.pending != nil:
		if text == "${accessToken}" && in != "cookie" && t.issued != "" {
			delete(scheme, "x-keyrelay-value")
			t.pending.part("x-itential-dynamic-retrieval")["responsePointer"] = "/" + strings.ReplaceAll(t.issued, ".", "/")
		} else if in == "cookie" {
			delete(scheme, "x-keyrelay-value")
			delete(t.pending.part("x-itential-dynamic-retrieval"), "responsePointer")
			scheme["x-keyrelay-response"], t.calls[len(t.calls)-1].cookie = entry{"cookie": name}, name+"="+expected
		}
		maps.Copy(t.pending.joined(), scheme.joined())
		maps.Copy(scheme, t.pending)
		key, t.pending = t.token, nil
	case filled:
		scheme["x-keyrelay-retrieval"] = t.token
	}
	t.schemes[key], t.required[key] = scheme, []any{}
	return nil
}

// jwt writes a scheme that signs a JWT as the list describes it, and notes what has to arrive.
func (t *translation) jwt(name string, described entry) error {
	header, payload := maps.Clone(described.part("header")), maps.Clone(described.part("payload"))
	seconds, _ := described["lifetimeInSeconds"].(int)
	if milliseconds, _ := described["expires_in_ms"].(int); milliseconds > 0 {
		seconds = milliseconds / 1000
	}
	if seconds == 0 {
		seconds = 300
	}
	for _, part := range []entry{header, payload} {
		for each, value := range part {
			if value == "${random}" || each == "alg" || each == "typ" {
				delete(part, each)
			}
		}
	}
	algorithm := described.part("header").text("alg")
	scheme := entry{"type": "apiKey", "in": "header", "name": "X-Assertion"}
	write := func(text string) (string, error) { return t.template(scheme, text) }
	writtenHeader, err := tree(header, write)
	if err != nil {
		return err
	}
	claims, err := tree(payload, write)
	if err != nil {
		return err
	}
	scheme["x-keyrelay-jwt"] = entry{"alg": algorithm, "header": writtenHeader, "claims": claims, "lifetime": seconds}
	t.schemes[name] = scheme
	shownHeader, _ := tree(header, t.valueOf)
	shownClaims, err := tree(payload, t.valueOf)
	maps.Copy(shownHeader.(entry), entry{"alg": algorithm, "typ": "JWT"})
	maps.Copy(shownClaims.(entry), entry{"exp": seconds, "jti": 26})
	shown, _ := json.Marshal([]any{shownHeader, shownClaims})
	t.signedJWT, t.secret["private_key"] = string(shown), "$"+map[byte]string{'E': "EC", 'R': "RSA", 'P': "RSA", 'H': "RSA"}[algorithm[0]]+"."
	return err
}

// steps writes the calls of a login, the last one first, since that says which others it needs.
func (t *translation) steps() error {
	described, signed := t.part("token"), t.entry["token"] != nil
	if assertion := t.part("assertion"); assertion != nil {
		if described, signed = assertion, true; assertion.text("type") != "jwt" {
			return errors.New("signs an assertion of " + assertion.text("type"))
		}
	}
	if signed {
		if err := t.jwt("assertion", described); err != nil {
			return err
		}
	}
	t.issued = t.part("token_response").text("token")
	last := t.entry
	if more, _ := t.entry["additional_steps"].([]any); len(more) > 0 {
		last = more[len(more)-1].(entry)
	}
	scheme, err := t.retrieval(last, t.issued)
	t.token, t.pending = "token", scheme
	return err
}

// step writes the scheme of an earlier step, for one member of its answer.
func (t *translation) step(name, issued string) error {
	described := t.entry
	if number := int(name[len(name)-1] - '0'); number > 1 {
		described = t.entry["additional_steps"].([]any)[number-2].(entry)
	}
	scheme, err := t.retrieval(described, issued)
	if err == nil {
		maps.Copy(scheme, entry{"type": "apiKey", "in": "header", "name": "X-Step"})
		scheme.part("x-itential-dynamic-retrieval")["responsePointer"] = "/" + issued
		t.schemes[name] = scheme
	}
	return err
}

// retrieval writes one call, and notes what has to arrive.
func (t *translation) retrieval(described entry, issued string) (entry, error) {
	call := &expectedCall{method: "POST", format: described.text("body_format"), headers: map[string]string{}, parameters: entry{}, answer: entry{}}
	if call.format == "xml" {
		return nil, errors.New("logs in with XML")
	}
	if method := described.text("token_request_method"); method != "" {
		call.method = method
	}
	scheme, parameters := entry{}, []any{}
	place := func(in, name string, value any) error {
		written, err := tree(value, func(text string) (string, error) { return t.template(scheme, text) })
		parameters = append(parameters, entry{"name": name, "in": in, "x-itential-use-in": []any{"key"}, "x-keyrelay-value": written})
		return err
	}
	address, query, _ := strings.Cut(described.text("token_url"), "?")
	call.url = t.address(address)
	fixed, _ := url.ParseQuery(query)
	for name := range fixed {
		if err := t.parameter(call, place, "query", "?"+name, fixed.Get(name)); err != nil {
			return nil, err
		}
	}
	for name, value := range described.part("token_params") {
		if err := t.parameter(call, place, "body", name, value); err != nil {
			return nil, err
		}
	}
	for name, value := range described.part("token_headers") {
		if name == "content-type" {
			continue
		}
		if err := place("header", name, value); err != nil {
			return nil, err
		}
		call.headers[name], _ = t.valueOf(value.(string))
	}
	put(call.answer, strings.Split(issued, "."), "issued+/="+issued)
	call.answer["accountID"] = "issued+/=accountID"
	t.calls = append(t.calls, call)
	scheme["x-itential-dynamic-retrieval"] = entry{"method": call.method, "url": call.url, "responsePointer": ""}
	scheme["x-itential-parameters"] = parameters
	if call.format == "form" {
		scheme["x-keyrelay-request-content-type"] = "application/x-www-form-urlencoded"
	}
	return scheme, nil
}

// parameter places one parameter and notes its value; that of a query has a name that begins with a question mark.
func (t *translation) parameter(call *expectedCall, place func(in, name string, value any) error, in, name string, value any) error {
	expected, err := tree(value, t.valueOf)
	call.parameters[name] = expected
	if err == nil {
		err = place(in, strings.TrimPrefix(name, "?"), value)
	}
	return err
}

func put(object entry, path []string, value string) {
	for ; len(path) > 1; path = path[1:] {
		inner := entry{}
		object[path[0]], object = inner, inner
	}
	object[path[0]] = value
}

// oauth writes an oauth2 or openIdConnect scheme with the calls that it makes.
func (t *translation) oauth() error {
	mode, scheme := t.text("auth_mode"), entry{"type": "oauth2"}
	t.token, t.schemes["token"] = "token", scheme
	call := &expectedCall{method: "POST", format: t.text("body_format"), headers: map[string]string{}, parameters: entry{"grant_type": "client_credentials"}, answer: entry{"access_token": "issued+/=access_token"}}
	address := t.text("token_url")
	if mode == "MCP_OAUTH2_GENERIC" {
		address = t.base + "/token"
	}
	if address == "" {
		return errors.New("the list names no token endpoint")
	}
	call.url = t.address(address)
	t.calls = []*expectedCall{call}
	basic := t.text("token_request_auth_method") == "basic" || t.text("authorization_method") == "header"
	switch {
	case t.text("token_request_auth_method") == "private_key_jwt":
		scheme["x-keyrelay-client-authentication"], scheme["x-keyrelay-jwt"] = "private_key_jwt", entry{"alg": "RS256"}
		t.secret["private_key"], call.parameters["client_id"] = "$RSA.", "client-id"
	case basic:
		call.headers["Authorization"] = "Basic Y2xpZW50LWlkOmEtY2xpZW50LXNlY3JldC1vZi0zMi1ieXRlcy1sZW5ndGg="
	default:
		scheme["x-keyrelay-client-authentication"] = "client_secret_post"
		call.parameters["client_id"], call.parameters["client_secret"] = "client-id", t.secret["client_secret"]
	}
	if call.format == "json" {
		scheme["x-keyrelay-request-content-type"] = "application/json"
	}
	if mode != "OAUTH2_CC" {
		return t.person(call, scheme)
	}
	flow := entry{"tokenUrl": call.url, "scopes": entry{}}
	if call.format == "query" {
		flow["tokenUrl"] = call.url + "?grant_type=client_credentials"
		call.parameters["?grant_type"] = "client_credentials"
	}
	scheme["flows"] = entry{"clientCredentials": flow}
	if t.entry["require_client_certificate"] == true {
		t.certificate = true
		_ = json.Unmarshal([]byte(fake.ClientCertificate(7)), &t.secret)
		t.schemes["certificate"], t.required["certificate"] = entry{"type": "mutualTLS"}, []any{}
	}
	return t.tokenParameters(call, scheme, "token", t.part("token_params"))
}

func (t *translation) tokenParameters(call *expectedCall, scheme entry, use string, parameters entry) error {
	var written []any
	place := func(in, name string, value any) error {
		text, err := tree(value, func(text string) (string, error) { return t.template(scheme, text) })
		written = append(written, entry{"name": name, "in": in, "x-itential-use-in": []any{use}, "x-keyrelay-value": text})
		return err
	}
	for name, value := range parameters {
		if name == "grant_type" && value == call.parameters[name] {
			continue
		}
		if err := t.parameter(call, place, "body", name, value); err != nil {
			return err
		}
	}
	before, _ := scheme["x-itential-parameters"].([]any)
	if written = append(before, written...); len(written) > 0 {
		scheme["x-itential-parameters"] = written
	}
	return nil
}

// person writes the flow in which a person consents: the code is redeemed, and then, where
// the list says so, the refresh token is used.
func (t *translation) person(call *expectedCall, scheme entry) error {
	t.consent = true
	if t.text("client_registration") == "dynamic" || t.text("auth_mode") == "MCP_OAUTH2_GENERIC" {
		scheme["type"] = "openIdConnect"
		scheme["openIdConnectUrl"] = strings.TrimSuffix(call.url, "/") + "/.well-known/oauth-authorization-server"
		delete(scheme, "x-keyrelay-client-authentication")
		delete(call.parameters, "client_secret")
		delete(t.secret, "client_id")
		delete(t.secret, "client_secret")
	} else if t.text("authorization_url") == "" {
		return errors.New("the code comes by a webhook, not to a browser")
	} else {
		scheme["flows"] = entry{"authorizationCode": entry{"authorizationUrl": t.address(t.text("authorization_url")), "tokenUrl": call.url, "scopes": entry{}}}
	}
	call.parameters["grant_type"], call.parameters["code"] = "authorization_code", "the-code"
	refresh := &expectedCall{url: call.url, method: "POST", format: call.format, headers: call.headers, parameters: maps.Clone(call.parameters), answer: call.answer}
	if err := t.tokenParameters(call, scheme, "code", t.part("token_params")); err != nil || t.entry["refresh_params"] == nil {
		return err
	}
	call.answer = entry{"access_token": "of-the-login", "refresh_token": "the-refresh-token", "expires_in": 1}
	delete(refresh.parameters, "code")
	refresh.parameters["grant_type"], refresh.parameters["refresh_token"] = "refresh_token", "the-refresh-token"
	if other := t.text("refresh_url"); other != "" {
		refresh.url = t.address(other)
		scheme.part("flows").part("authorizationCode")["refreshUrl"] = refresh.url
	}
	t.calls = append(t.calls, refresh)
	return t.tokenParameters(refresh, scheme, "refresh", t.part("refresh_params"))
}
