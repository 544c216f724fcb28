package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v4"

	"keyrelay/function/gateway"
)

// TestProviders reads a list of API providers, in the form of packages/providers/providers.yaml
// of NangoHQ/nango, from the file that KEYRELAY_PROVIDERS names. It writes the document and
// the secret that each provider needs, and says how many work and why the others do not. A
// provider works if check finds nothing to say about its document, if the calls for its
// token are exactly those that the list describes, after a person's login where there is
// one, and if a request then arrives with every credential in its place. Of a signature of
// AWS or OAuth 1.0 only the beginning is compared; TestKinds and others verify those.
func TestProviders(t *testing.T) {
	file := os.Getenv("KEYRELAY_PROVIDERS")
	if file == "" {
		t.Skip("KEYRELAY_PROVIDERS names no list of providers")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var providers map[string]entry
	if err := yaml.Unmarshal(text, &providers); err != nil {
		t.Fatal(err)
	}
	server := newProviderServer(t)
	all, working, report := map[string]int{}, map[string]int{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(providers)) {
		described := resolve(providers, name)
		mode := described.text("auth_mode")
		all[mode]++
		if err := server.try(t, described); err != nil {
			reason, _, _ := strings.Cut(err.Error(), "\n")
			report = append(report, fmt.Sprintf("%s (%s): %s", name, mode, reason))
			continue
		}
		working[mode]++
	}
	for _, mode := range slices.Sorted(maps.Keys(all)) {
		report = append(report, fmt.Sprintf("%d of %d with %s", working[mode], all[mode], mode))
	}
	works := 0
	for _, each := range working {
		works += each
	}
	t.Logf("%d of %d providers work:\n%s", works, len(providers), strings.Join(report, "\n"))
	if works*981 < 970*len(providers) {
		t.Errorf("fewer than 970 of 981 work")
	}
}

// resolve returns a provider with what it takes over from its alias.
func resolve(providers map[string]entry, name string) entry {
	resolved := entry{}
	if alias := providers[name].text("alias"); alias != "" {
		resolved = resolve(providers, alias)
	}
	maps.Copy(resolved, providers[name])
	return resolved
}

// A providerServer is every provider, one after the other: https://HOST/PATH is its path /HOST/PATH.
type providerServer struct {
	*httptest.Server
	roots string
	keys  *signingKeys

	mutex   sync.Mutex
	t       *translation
	left    []*expectedCall
	arrived *http.Request
	body    []byte
	fault   error
}

func newProviderServer(t *testing.T) *providerServer {
	s := &providerServer{keys: newSigningKeys(t)}
	s.Server = startCertified(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mutex.Lock()
		defer s.mutex.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if err := s.answer(t, w, r, body); err != nil {
			s.fault = errors.Join(s.fault, err)
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	s.roots = writeRoots(t, s.Server)
	return s
}

// try writes what a user would, has a person log in where one must, and sends a request.
func (s *providerServer) try(t *testing.T, described entry) error {
	translated, err := translate(described)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	s.t, s.left, s.arrived, s.fault = translated, translated.calls, nil, nil
	s.mutex.Unlock()
	document, target := s.document(t, translated)
	written, _ := json.Marshal(document)
	published := filepath.Dir(writeFile(t, t.TempDir(), "api.json", string(written)))
	document["x-keyrelay-network"], document["x-keyrelay-ca"] = "loopback", "file:"+s.roots
	written, _ = json.Marshal(document)
	local := filepath.Dir(writeFile(t, t.TempDir(), "api.json", strings.ReplaceAll(string(written), `"https://`, `"`+s.URL+"/")))
	if translated.consent {
		if _, err := logIn(t, s.visit, local, "api", "token"); err != nil {
			return errors.Join(s.fault, err)
		}
	}
	var said bytes.Buffer
	if err := check(published, &said); err != nil {
		return err
	}
	if _, warning, found := strings.Cut(said.String(), "warning: "); found {
		return errors.New(warning)
	}
	return s.call(local, strings.Replace(target, "https://", s.URL+"/", 1)+"/orders")
}

// document writes the secret and makes the document; target is the URL that is called.
func (s *providerServer) document(t *testing.T, translated *translation) (document entry, target string) {
	secret, _ := json.Marshal(translated.secret)
	for name, key := range s.keys.texts {
		secret = bytes.ReplaceAll(secret, []byte(`"`+name+`"`), []byte(key))
	}
	reference := "file:" + writeFile(t, t.TempDir(), "secret.json", string(secret))
	for _, scheme := range translated.schemes {
		if scheme.(entry)["x-keyrelay-retrieval"] == nil {
			scheme.(entry)["x-keyrelay-secret"] = reference
		}
	}
	target = translated.base
	document = entry{"openapi": "3.1.0", "info": entry{"title": "API", "version": "1"}, "servers": []any{entry{"url": target}},
		"security": []any{translated.required}, "components": entry{"securitySchemes": translated.schemes}}
	if translated.bodyType != "" {
		document["x-keyrelay-body-type"] = translated.bodyType
	}
	if server, path, variable := strings.Cut(target, "/bot{"); variable {
		document["servers"] = []any{entry{"url": server}}
		document["paths"] = entry{"/bot{" + path + "/orders": entry{"post": entry{}}}
	}
	return document, target
}

// visit opens an address as a browser does.
func (s *providerServer) visit(address *url.URL) {
	if answer, err := s.Client().Get(address.String()); err == nil {
		_ = answer.Body.Close()
	}
}

// call sends a record to the API, and sees that everything is where it has to be.
func (s *providerServer) call(folder, target string) error {
	settings, err := readSettings(environment(map[string]string{"KEYRELAY_DESTINATIONS": folder}))
	if err != nil {
		return err
	}
	relay, err := wire(settings, io.Discard)
	if err != nil {
		return err
	}
	defer relay.Close()
	text := "POST " + target + "\nContent-Type: application/json\n"
	for name, value := range s.t.headers {
		text += name + ": " + value + "\n"
	}
	answer := call(gateway.HTTP(relay), text+"\n{\"n\": 1}")
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case s.fault != nil:
		return s.fault
	case answer.Code != http.StatusOK || s.arrived == nil:
		return fmt.Errorf("the caller got %d %s", answer.Code, answer.Body)
	case len(s.left) > 0:
		return errors.New("nothing asked " + s.left[0].url)
	}
	for _, place := range s.t.places {
		if err := s.arrives(place); err != nil {
			return err
		}
	}
	return nil
}

// arrives reports a text that is not in its place.
func (s *providerServer) arrives(place expectedPlace) error {
	var got string
	switch place.in {
	case "header":
		got = strings.Join(s.arrived.Header.Values(place.name), ", ")
		// The word before a credential is the same in any letter case (RFC 9110 section 11.1).
		if word, rest, found := strings.Cut(got, " "); found && strings.EqualFold(word, strings.Split(place.text, " ")[0]) {
			got = strings.Split(place.text, " ")[0] + " " + rest
		}
	case "cookie":
		if cookie, err := s.arrived.Cookie(place.name); err == nil {
			got = cookie.Value
		}
	case "query":
		got = s.arrived.URL.Query().Get(place.name)
	case "path":
		got = s.arrived.URL.Path
	case "body":
		var value any
		_ = json.Unmarshal(s.body, &value)
		for name := range strings.SplitSeq(strings.TrimPrefix(place.name, "/"), "/") {
			object, _ := value.(map[string]any)
			value = object[name]
		}
		got, _ = value.(string)
	}
	wanted := place.text
	if place.in == "path" {
		wanted = "/bot" + wanted + "/"
	}
	whole := place.in != "path" && !strings.HasPrefix(wanted, "AWS4-HMAC") && !strings.HasPrefix(wanted, "OAuth ")
	if whole && got != wanted || !whole && !strings.Contains(got, wanted) {
		return fmt.Errorf("the %s %s has %q instead of %q", place.in, place.name, got, wanted)
	}
	return nil
}

// answer answers a request as the provider does; the error says what is wrong with it.
func (s *providerServer) answer(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) error {
	address := "https:/" + r.URL.Path
	if s.t.certificate && len(r.TLS.PeerCertificates) == 0 {
		return errors.New("there is no client certificate")
	}
	for _, values := range r.Header {
		for i := range values {
			values[i] = s.open(t, values[i])
		}
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/oauth-authorization-server"):
		token := strings.Replace(s.t.calls[0].url, "https:/", s.URL, 1)
		return json.NewEncoder(w).Encode(entry{"authorization_endpoint": s.URL + "/authorize", "token_endpoint": token, "registration_endpoint": s.URL + "/register", "token_endpoint_auth_methods_supported": []any{"none"}})
	case r.URL.Path == "/register":
		w.WriteHeader(http.StatusCreated)
		return json.NewEncoder(w).Encode(entry{"client_id": "client-id"})
	case r.Method == http.MethodGet && r.URL.Query().Get("redirect_uri") != "":
		http.Redirect(w, r, r.FormValue("redirect_uri")+"?code=the-code&state="+r.FormValue("state"), http.StatusFound)
		return nil
	case len(s.left) > 0:
		expected := s.left[0]
		s.left = s.left[1:]
		if path, _, _ := strings.Cut(expected.url, "?"); address != path || r.Method != expected.method {
			return fmt.Errorf("%s %s came instead of %s %s", r.Method, address, expected.method, expected.url)
		}
		if expected.cookie != "" {
			w.Header().Set("Set-Cookie", expected.cookie+"; Path=/")
		}
		if err := s.compare(t, expected, r, body); err != nil {
			return err
		}
		if text, plain := expected.answer[""].(string); plain {
			w.Header().Set("Content-Type", "text/plain")
			_, err := io.WriteString(w, text)
			return err
		}
		return json.NewEncoder(w).Encode(expected.answer)
	}
	s.arrived, s.body = r, body
	return nil
}

// open shows what is in a JWT, and writes the provider's own addresses again.
func (s *providerServer) open(t *testing.T, text string) string {
	_, host, _ := strings.Cut(s.URL, "://")
	return strings.NewReplacer(s.URL+"/", "https://", "https://$API/", "https://").Replace(s.keys.open(t, text, host))
}

// compare reports a call for a token that is not as the list describes it.
func (s *providerServer) compare(t *testing.T, expected *expectedCall, r *http.Request, body []byte) error {
	for name, value := range expected.headers {
		if got := r.Header.Get(name); got != value {
			return fmt.Errorf("the header %s of %s has %q instead of %q", name, expected.url, got, value)
		}
	}
	got := entry{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(body, &got); err != nil {
			return err
		}
	} else if form, err := url.ParseQuery(string(body)); err == nil {
		for name := range form {
			got[name] = form.Get(name)
		}
	}
	for name := range r.URL.Query() {
		got["?"+name] = r.URL.Query().Get(name)
	}
	for name, value := range got {
		got[name], _ = tree(value, func(text string) (string, error) { return s.open(t, text), nil })
	}
	if expected.parameters["code"] != nil {
		delete(got, "redirect_uri")
		delete(got, "code_verifier")
	}
	delete(got, "client_assertion") // where it is the client's own, keys have verified it
	delete(got, "client_assertion_type")
	wanted := entry{}
	encoded, _ := json.Marshal(expected.parameters)
	_ = json.Unmarshal(encoded, &wanted)
	_, query, _ := strings.Cut(expected.url, "?")
	inURL, _ := url.ParseQuery(query)
	for name := range inURL {
		wanted["?"+name] = inURL.Get(name)
	}
	delete(wanted, "client_assertion")
	delete(wanted, "client_assertion_type")
	if isForm := !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"); isForm {
		for name, value := range wanted {
			wanted[name] = fmt.Sprint(value)
		}
	}
	if !reflect.DeepEqual(got, wanted) {
		return fmt.Errorf("%s was asked with %v instead of %v", expected.url, got, wanted)
	}
	if wantJSON := expected.format == "json"; wantJSON && len(body) > 0 && !json.Valid(body) {
		return errors.New(expected.url + " was not asked with JSON")
	}
	return nil
}

// startCertified starts a server with TLS that asks for client certificates and takes any or none.
func startCertified(t *testing.T, handler http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}
