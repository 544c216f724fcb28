package relay_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// copiedDocument has a credential whose field's name has three separators, and nothing
// else of its name.
const copiedDocument = loopback + `servers: [{url: "http://$RAW/copied"}]
security: [{key: []}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: "X-Tenant_Api-Key", x-keyrelay-secret: "secretsmanager:keyrelay/api#/key"}}}
`

// TestCopiesOfTheCredentialField sends every mix of hyphens, underscores and dots in the
// name of the credential's field, in several letter cases, as the caller's header and as
// a field that becomes one, through every front end. What arrives, byte for byte, is the
// credential alone. The control is a name with a letter more, of which every mix arrives.
func TestCopiesOfTheCredentialField(t *testing.T) {
	raw, host := newRawAPI(t)
	s := newStage(t, strings.ReplaceAll(copiedDocument, "$RAW", host))
	for _, ending := range []string{"", "s"} {
		for _, name := range mixes("X-Tenant-Api-Key" + ending) {
			for _, written := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
				for how, fields := range map[string][][2]string{
					"as a header": {{written, "of-the-caller"}},
					"from fields": {{"X-Relay-Header-Fields", "copy=" + written}},
				} {
					request := wireRequest{body: []byte(`{"copy":"of-the-caller"}`), fields: append(fields,
						[2]string{"X-Osmos-Outbound-Url", "http://" + host + "/copied/x"}, [2]string{"Content-Type", "application/json"})}
					for frontEnd, got := range s.throughAll(request, true) {
						if got.status != http.StatusOK {
							t.Fatalf("%s %s, %s: got %d %s", written, how, frontEnd, got.status, got.body)
						}
						lines := raw.take(t)
						own := slices.Contains(lines, "X-Tenant_api-Key: "+theKey)
						copied := slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, ": of-the-caller") })
						if !own || copied != (ending != "") {
							t.Errorf("%s %s, %s: the credential arrived: %v, and the copy: %v: %q", written, how, frontEnd, own, copied, lines)
						}
					}
				}
			}
		}
	}
}

// TestCredentialInAnOverridingField attaches keys in header fields of families that are
// not forwarded, such as those of Hasura and WebLogic: whatever the caller sends of the
// names, the keys arrive, and the field of a scheme that is not the API's does not.
func TestCredentialInAnOverridingField(t *testing.T) {
	fields := []string{"X-Hasura-Admin-Secret", "Wl-Api-Key", "Dapr-Api-Token", "X-Port"}
	document := loopbackAPI + "security: [{s0: [], s1: [], s2: [], s3: []}]\ncomponents:\n  securitySchemes:\n"
	for i, name := range append(fields, "Fd-Api-Key") {
		document += fmt.Sprintf("    s%d: {type: apiKey, in: header, name: %s, x-keyrelay-secret: \"secretsmanager:keyrelay/api#/key\"}\n", i, name)
	}
	s := newStage(t, document)
	for _, sent := range []string{"", "of-the-caller", "{{{s0}}}"} {
		var headers []string
		if sent != "" {
			headers = []string{"X-Hasura-Admin-Secret", sent, "Wl-Api-Key", "of-the-caller", "Fd-Api-Key", "of-the-caller"}
		}
		if got := s.send(t.Context(), s.post("/v2/orders", `{"id":7}`, headers...)); got.status != http.StatusOK {
			t.Fatalf("%q: %d %s", sent, got.status, got.body)
		}
		arrived := s.api.Take()[0].Header
		for _, name := range fields {
			if got := arrived.Values(name); !slices.Equal(got, []string{theKey}) {
				t.Errorf("%q: %s arrived as %q", sent, name, got)
			}
		}
		if got := arrived.Values("Fd-Api-Key"); got != nil {
			t.Errorf("%q: Fd-Api-Key arrived as %q", sent, got)
		}
	}
}

// mixes returns a name with each of its hyphens as it is, as an underscore and as a dot.
func mixes(name string) []string {
	first, rest, more := strings.Cut(name, "-")
	if !more {
		return []string{name}
	}
	var all []string
	for _, tail := range mixes(rest) {
		all = append(all, first+"-"+tail, first+"_"+tail, first+"."+tail)
	}
	return all
}

// A rawAPI answers {} and notes the lines of the headers that it gets, as they are.
type rawAPI chan []string

func newRawAPI(t *testing.T) (api rawAPI, host string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	api = make(rawAPI, 5) // one for each front end
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go api.serve(connection)
		}
	}()
	return api, listener.Addr().String()
}

// serve takes requests one behind the other.
func (a rawAPI) serve(connection net.Conn) {
	defer connection.Close()
	var read bytes.Buffer
	reader := bufio.NewReader(io.TeeReader(connection, &read))
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		head, _, _ := strings.Cut(read.String(), "\r\n\r\n")
		read.Reset()
		a <- strings.Split(head, "\r\n")
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
	}
}

// take returns the lines of one header.
func (a rawAPI) take(t *testing.T) []string {
	t.Helper()
	select {
	case lines := <-a:
		return lines
	default:
		t.Fatal("nothing arrived")
		return nil
	}
}
