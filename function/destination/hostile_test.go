package destination_test

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"keyrelay/function/destination"
	"keyrelay/function/hostile"
)

// harmless reports whether an admitted URL goes where the documents say, for
// readers of URLs other than ours too.
func harmless(location destination.Location, outboundURL string) bool {
	read, err := url.Parse(outboundURL)
	if err != nil || read.User != nil || read.Fragment != "" {
		return false
	}
	var target url.URL
	location.Fill(&target, location.Path, location.RawQuery)
	again, err := url.Parse(target.String())
	if err != nil || !sameHost(read.Hostname(), target.Hostname()) || again.Host != target.Host || again.Path != target.Path {
		return false
	}
	for segment := range strings.SplitSeq(again.Path, "/") {
		if segment == "." || segment == ".." || strings.HasPrefix(segment, "..;") {
			return false
		}
	}
	return strings.EqualFold(read.Scheme, target.Scheme) && !strings.Contains(again.Path, `\`)
}

// sameHost compares names without case, and addresses by their value.
func sameHost(a, b string) bool {
	first, err := netip.ParseAddr(a)
	if err != nil {
		return strings.EqualFold(a, b)
	}
	second, err := netip.ParseAddr(b)
	return err == nil && first == second
}

// cases are those of testdata/hostile.txtar, a list of lines for each name.
func cases(t *testing.T) map[string][]string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/hostile.txtar")
	if err != nil {
		t.Fatal(err)
	}
	lists := map[string][]string{}
	for _, file := range archive.Files {
		lists[file.Name] = strings.Split(strings.TrimSuffix(string(file.Data), "\n"), "\n")
	}
	return lists
}

// Hostile URLs, on their own and behind a declared server, are refused or stay where the documents say.
func TestHostileURLs(t *testing.T) {
	checkHostileURLs(t, cases(t)["urls"])
	for _, name := range []string{"ssrf/payloadsallthethings_ssrf.txt", "ssrf/payloadbox_open_redirect.txt"} {
		t.Run(name, func(t *testing.T) {
			checkHostileURLs(t, strings.Split(string(hostile.Further(t, name)), "\n"))
		})
	}
}

func checkHostileURLs(t *testing.T, list []string) {
	t.Helper()
	set, public := several(t), load(t, yaml(head))
	for _, tried := range list {
		if location, err := public.Locate(tried); err == nil {
			t.Errorf("%q is admitted as %+v", tried, location)
		}
		for _, prefix := range []string{"https://api.example.com/v2", "https://api.example.com/v2/", "https://api.example.com", "https://"} {
			location, err := set.Locate(prefix + tried)
			if err == nil && !harmless(location, prefix+tried) {
				t.Errorf("%q is admitted as %+v", prefix+tried, location)
			}
		}
	}
}

func TestHostileHosts(t *testing.T) {
	checkHostileHosts(t, cases(t)["hosts"])
	t.Run("corpus", func(t *testing.T) { checkHostileHosts(t, corpusHosts(t)) })
}

func checkHostileHosts(t *testing.T, hosts []string) {
	t.Helper()
	set := several(t)
	for _, host := range hosts {
		for _, scheme := range []string{"http://", "https://"} {
			if location, err := set.Locate(scheme + host + "/hook"); err == nil {
				t.Errorf("%s%s is admitted as %+v", scheme, host, location)
			}
		}
	}
}

// corpusHosts are the hosts of the shared test data.
func corpusHosts(t *testing.T) (hosts []string) {
	t.Helper()
	if err := json.Unmarshal(hostile.Further(t, "ssrf/safeurl_blocked_hosts.json"), &hosts); err != nil {
		t.Fatal(err)
	}
	var pairs [][]string
	if err := json.Unmarshal(hostile.Further(t, "ssrf/smokescreen_hostports.json"), &pairs); err != nil {
		t.Fatal(err)
	}
	for _, pair := range pairs {
		hosts = append(hosts, pair[0])
	}
	var addresses []struct{ IP string }
	if err := json.Unmarshal(hostile.Further(t, "ssrf/smokescreen_ip_classes.json"), &addresses); err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		hosts = append(hosts, address.IP, "["+address.IP+"]", address.IP+":443")
	}
	return hosts
}
