package destination

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxServers is how many URLs the variables of one server object may stand for.
const maxServers = 100

func (r *reader) serverList(node *yaml.Node) []*server {
	var servers []*server
	wrong := r.tolerate(func() {
		for _, item := range r.items(node, "servers") {
			servers = append(servers, r.serverObject(item)...)
		}
	})
	r.unusableServers = append(r.unusableServers, wrong...)
	return servers
}

// serverObject reads one server object, which stands for a server for each value of its variables.
func (r *reader) serverObject(item *yaml.Node) (servers []*server) {
	if !r.mapping(item, "this server") {
		return nil
	}
	text, at := r.required(item, "url", "this server", "write the URL that the API is reached at")
	if at == nil {
		return nil
	}
	if trimmed := strings.TrimSpace(text); trimmed != text {
		r.warn("", Fault{r.place(at), "the server URL has white space around it", "remove it"})
		text = trimmed
	}
	expanded, ok := r.expand(text, item)
	if !ok {
		r.fault(item, "the variables stand for more than 100 servers", "write fewer values in their enums")
		return nil
	}
	for _, each := range expanded {
		if found := r.server(each, at); found != nil {
			servers = append(servers, found)
		}
	}
	return servers
}

// expand fills the variables of a server's URL: with each value of an enum, else
// with the default. ok is false if that makes too many.
func (r *reader) expand(text string, object *yaml.Node) (urls []string, ok bool) {
	name, found := firstVariable(text)
	if !found {
		return []string{text}, true
	}
	variable := r.member(r.member(object, "variables"), name)
	if variable == nil {
		r.fault(r.member(object, "url"), "the server URL holds a variable that is not described", "describe it under variables, with a default, here or by an overlay")
		return nil, true
	}
	for _, value := range r.variableValues(variable) {
		more, ok := r.expand(strings.ReplaceAll(text, "{"+name+"}", value), object)
		if urls = append(urls, more...); !ok || len(urls) > maxServers {
			return nil, false
		}
	}
	return urls, true
}

// firstVariable returns the name of the first {variable} in a text.
func firstVariable(text string) (name string, found bool) {
	_, after, opened := strings.Cut(text, "{")
	name, _, closed := strings.Cut(after, "}")
	return name, opened && closed && name != ""
}

// variableValues returns what a server variable may be, its default first.
func (r *reader) variableValues(variable *yaml.Node) []string {
	otherwise := r.member(variable, "default")
	choices := r.items(r.member(variable, "enum"), "enum")
	if len(choices) == 0 {
		if otherwise == nil {
			r.fault(variable, "this server variable has no default", "write default: with the value to use, here or by an overlay")
			return nil
		}
		choices = []*yaml.Node{otherwise}
	}
	values := make([]string, 0, len(choices))
	for _, choice := range choices {
		switch {
		case choice.Kind != yaml.ScalarNode || strings.ContainsAny(choice.Value, "{}"):
			r.fault(choice, "this value of a server variable is not a text without braces", "write the value that the URL is to hold, here or by an overlay")
		case otherwise != nil && choice.Value == otherwise.Value:
			values = slices.Insert(values, 0, choice.Value)
		default:
			values = append(values, choice.Value)
		}
	}
	return values
}

// server reads one server URL. nil means that a fault was noted.
func (r *reader) server(text string, node *yaml.Node) *server {
	if !strings.Contains(text, "://") {
		r.fault(node, "the server URL is relative", "write the whole URL, from https:// on, here or by an overlay")
		return nil
	}
	parsed, ok := r.endpoint(text, node, serverWords)
	if !ok {
		return nil
	}
	if parsed.hasQuery {
		r.fault(node, "the server URL has a query", "remove ? and what follows it; parameters belong in the record or in the operation")
		return nil
	}
	made := &server{
		destinations: []*Destination{r.destination},
		origin:       parsed.origin,
		prefix:       Unescape(strings.TrimSuffix(parsed.path, "/")),
		authority:    parsed.hostPort(),
		place:        r.place(node),
	}
	if r.base == nil {
		r.base = &url.URL{Scheme: made.scheme(), Host: made.authority, Path: Unescape(parsed.path), RawPath: parsed.path}
	}
	return made
}

// serverWords name the URL of a server in faults.
const serverWords = "the server URL"

// endpoint takes a URL of a document apart by the rules of server URLs: those of
// admission, https unless the network says otherwise, and a host that is a name or an address.
func (r *reader) endpoint(text string, node *yaml.Node, what string) (address, bool) {
	parsed, found := parseAddress(text)
	switch {
	case found.problem != "":
	case strings.ContainsAny(parsed.path, "{}"):
		found = urlFault{"has braces in its path", "write the path itself"}
	case !parsed.secure && r.destination.Network == Public:
		found = plain(parsed.host, node.Value, what)
	case r.destination.Network < networkOf(parsed.host):
		wider := networkOf(parsed.host).String()
		found = urlFault{"names an address that is not on the network " + r.destination.Network.String(), "write x-keyrelay-network: " + wider + ", or the address of the API on that network"}
	case !declarable(parsed.host):
		found = urlFault{"has a host that programs understand differently", "write a host name without a dot at its end, or an address as four decimal numbers"}
	}
	if found.problem != "" {
		r.fault(node, what+" "+found.problem, found.remedy)
		return address{}, false
	}
	return parsed, true
}

// plain is the fault of an http:// URL on the public network. An address says which network it is on,
// unless it is what a vendor wrote into a variable until the API's own is known.
func plain(host, written, what string) urlFault {
	problem, remedy := "is http://, and a secret is sent there", "write https://; on a network of your own http:// is for x-keyrelay-network: private, or loopback for this machine"
	if what == serverWords {
		problem, remedy = "is http:// on the public network", "write https://, or x-keyrelay-network: private, or loopback for this machine, where the API is not on the internet"
	}
	own := networkOf(host)
	if host == "localhost" {
		own = Loopback
	}
	if own != Public {
		remedy = "write x-keyrelay-network: " + own.String() + " at the top of the document, since " + host + " is not on the internet"
		if name, ok := firstVariable(written); ok {
			remedy += "; or the API's own as the default of " + printable(name) + ", here or by an overlay"
		}
	}
	return urlFault{problem, remedy}
}

// networkOf is the narrowest network that an address is on; a name may be on any.
func networkOf(host string) Network {
	address, err := netip.ParseAddr(host)
	switch address = address.Unmap(); {
	case err != nil:
		return Public
	case address.IsLoopback():
		return Loopback
	case address.IsPrivate() || netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(address):
		return Private // RFC 1918, RFC 4193 and RFC 6598
	}
	return Public
}

// declarable reports whether a host is an address or a name that no resolver takes for one, such as 127.1 or 0x7f.1.
func declarable(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last != "" && (last[0] < '0' || last[0] > '9')
}

// url reads a member that must be there and be an absolute URL by the rules of server URLs.
func (r *reader) url(parent *yaml.Node, name, what string) *url.URL {
	text, node := r.required(parent, name, what, "write the whole URL, from https:// on")
	if node == nil {
		return nil
	}
	return r.absoluteURL(text, node, name)
}

// relativeURL reads a member that must be there and may be relative: then it is
// resolved against the first server, https://spec.openapis.org/oas/v3.1.1.html#relative-references-in-api-urls.
func (r *reader) relativeURL(parent *yaml.Node, name, what string) *url.URL {
	text, node := r.required(parent, name, what, "write its URL; a relative one is resolved against the first server")
	if node == nil {
		return nil
	}
	text = r.withVariables(text)
	if variable, found := firstVariable(text); found {
		r.fault(node, name+" holds the variable "+printable(variable)+", which the first server does not describe",
			"write its value, or describe it under the variables of the server, here or by an overlay")
		return nil
	}
	relative, err := url.Parse(text)
	switch {
	case err != nil || relative.IsAbs():
	case r.base == nil:
		r.fault(node, name+" is relative, and the document has no server of its own to resolve it against", "write the whole URL, from https:// on")
		return nil
	default:
		text = r.base.ResolveReference(relative).String()
	}
	return r.absoluteURL(text, node, name)
}

// withVariables fills the {variables} of a scheme's URL as those of the document's first
// server are filled. OpenAPI has none there, but vendors with a host for each region or
// tenant write them.
func (r *reader) withVariables(text string) string {
	servers := r.member(r.root, "servers")
	if servers == nil || servers.Kind != yaml.SequenceNode || len(servers.Content) == 0 {
		return text
	}
	r.tolerate(func() {
		for _, each := range r.members(r.member(servers.Content[0], "variables"), "variables") {
			if values := r.variableValues(each.value); len(values) > 0 {
				text = strings.ReplaceAll(text, "{"+each.key.Value+"}", values[0])
			}
		}
	})
	return text
}

// absoluteURL takes a URL by the rules of server URLs.
func (r *reader) absoluteURL(text string, node *yaml.Node, name string) *url.URL {
	if _, ok := r.endpoint(text, node, name); !ok {
		return nil
	}
	parsed, err := url.Parse(text)
	if err != nil {
		r.fault(node, name+" is not a URL", "write the whole URL, from https:// on")
		return nil
	}
	return parsed
}
