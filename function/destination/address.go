package destination

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An origin is the scheme, the host and the port of a URL.
type origin struct {
	secure bool
	// host is lower case, without brackets.
	host string
	// port is empty when it is the scheme's own.
	port string
}

func (o origin) scheme() string {
	if o.secure {
		return "https"
	}
	return "http"
}

// hostPort returns host and port as a URL holds them.
func (o origin) hostPort() string {
	host := o.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if o.port != "" {
		host += ":" + o.port
	}
	return host
}

func (o origin) String() string { return o.scheme() + "://" + o.hostPort() }

// An address is a URL taken apart by the rules of admission. It shares the bytes of the URL.
type address struct {
	origin
	path  string
	query string
	// hasQuery tells "?" from nothing.
	hasQuery bool
}

// A urlFault says what is wrong with a URL and what to write, in words that follow
// "the outbound URL ..." and "the server URL ...". The zero urlFault is none.
type urlFault struct{ problem, remedy string }

const notAbsolute = "is not an absolute https URL"

// parseAddress takes an absolute URL apart. It is stricter than RFC 3986: what two
// readers of a URL could understand differently is a fault.
func parseAddress(text string) (address, urlFault) {
	if found := checkBytes(text); found.problem != "" {
		return address{}, found
	}
	scheme, rest, absolute := strings.Cut(text, "://")
	secure := strings.EqualFold(scheme, "https")
	if !absolute || !secure && !strings.EqualFold(scheme, "http") {
		return address{}, urlFault{notAbsolute, "begin it with https://"}
	}
	parsed := address{origin: origin{secure: secure}}
	authority := rest
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		authority, rest = rest[:end], rest[end:]
	} else {
		rest = ""
	}
	parsed.path, parsed.query, parsed.hasQuery = strings.Cut(rest, "?")
	if found := parsed.splitAuthority(authority); found.problem != "" {
		return address{}, found
	}
	return parsed, checkPath(parsed.path)
}

// checkBytes finds what may stand nowhere in a URL.
func checkBytes(text string) urlFault {
	if len(text) > MaxURLBytes {
		return urlFault{"is longer than 8192 bytes", "shorten it, or move parameters into the record"}
	}
	for i := range len(text) {
		c := text[i]
		if c > ' ' && c < 0x7f && c != '\\' && c != '#' {
			continue
		}
		switch {
		case c >= 0x7f:
			r, _ := utf8.DecodeRuneInString(text[i:])
			return urlFault{"holds " + strconv.Quote(string(r)) + ", which is not printable ASCII", "percent-encode it, or take it out if you cannot see it; write an international host name in its xn-- form"}
		case c <= ' ':
			return urlFault{"holds white space or a control character", "take it off the ends, and percent-encode it elsewhere"}
		case c == '\\':
			return urlFault{"holds a backslash", "write / between segments"}
		default:
			return urlFault{"has a fragment", "remove # and what follows it"}
		}
	}
	return urlFault{}
}

func (a *address) splitAuthority(authority string) urlFault {
	if strings.IndexByte(authority, '@') >= 0 {
		return urlFault{"holds a user name or password", "remove what stands before @; the credential belongs in the destination's security scheme"}
	}
	host, port := authority, ""
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
		host, port = authority[:colon], authority[colon+1:]
		if !validPort(port) {
			return urlFault{"has no valid port", portOrHost(port, "write a number from 1 to 65535, or no colon")}
		}
	}
	if a.secure && port != "443" || !a.secure && port != "80" {
		a.port = port
	}
	if strings.HasPrefix(host, "[") {
		literal, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
		if err != nil || !literal.Is6() || literal.Zone() != "" || host[len(host)-1] != ']' {
			return urlFault{"has no valid IPv6 address between [ and ]", "write the address as [2001:db8::1], without a zone"}
		}
		a.host = literal.String()
		return urlFault{}
	}
	if !validHost(host) {
		return urlFault{"has no valid host", portOrHost(host, "write a host name of letters, digits, hyphens and dots")}
	}
	a.host = strings.ToLower(host)
	return urlFault{}
}

// portOrHost is the remedy for a port or a host: of one with a sender's template another than usual.
func portOrHost(text, usual string) string {
	if strings.ContainsAny(text, "{}<>$") {
		return "write it out, since a record fills a path only"
	}
	return usual
}

// validPort reports whether a port is a number from 1 to 65535 as a program would write it.
func validPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil && port[0] != '0'
}

// validHost reports whether a host holds only what DNS names of the wild hold.
// Whether it is declared is another question.
func validHost(host string) bool {
	other := func(c rune) bool { return !isAlphanumeric(c) && !strings.ContainsRune("-._", c) }
	return host != "" && len(host) <= 254 && host[0] != '.' && !strings.Contains(host, "..") && !strings.ContainsFunc(host, other)
}

// checkPath finds what servers and proxies are known to read differently: encoded
// separators and dots, dot segments, empty segments. {field} expressions may stand in it.
func checkPath(path string) urlFault {
	segment, open := 0, -1
	for i := range len(path) {
		switch path[i] {
		case '/':
			if i > 0 && i == segment {
				return urlFault{"has an empty segment (//) in its path", "write one / between segments"}
			}
			if dotSegment(path[segment:i]) {
				return dotSegmentFault()
			}
			segment = i + 1
			if open >= 0 {
				return bracesFault()
			}
		case '%':
			if found := checkEscape(path[i:]); found.problem != "" {
				return found
			}
		case '{':
			if open >= 0 {
				return bracesFault()
			}
			open = i
		case '}':
			if open < 0 || open == i-1 {
				return bracesFault()
			}
			open = -1
		}
	}
	switch {
	case open >= 0:
		return bracesFault()
	case dotSegment(path[segment:]) || strings.IndexByte(path, '%') >= 0 && Climbs(path):
		return dotSegmentFault()
	}
	return urlFault{}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func dotSegmentFault() urlFault {
	return urlFault{"has a segment . or .. in its path", "write the path that it leads to"}
}

func bracesFault() urlFault {
	return urlFault{"has braces in its path that are not a {field} expression", "write {field} around a name, or %7B and %7D for braces"}
}

// dotSegment reports whether a segment is, or becomes for a server that cuts path
// parameters off, one that moves up or nowhere.
func dotSegment(segment string) bool {
	if len(segment) == 0 || segment[0] != '.' {
		return false
	}
	rest := strings.TrimPrefix(segment[1:], ".")
	return rest == "" || rest[0] == ';'
}

// checkEscape finds the percent escapes that change a path's structure.
func checkEscape(text string) urlFault {
	value, ok := unhex(text)
	switch {
	case !ok:
		return urlFault{"has a % in its path that begins no escape", "write %25 for a percent sign"}
	case isControl(rune(value)):
		return urlFault{"has an encoded control character in its path", "take it out"}
	case value == '/' || value == '\\' || value == '.':
		return urlFault{"has an encoded slash, backslash or dot in its path", "write . as it is, and take a value that holds / from the record with {field}"}
	}
	return urlFault{}
}

// unhex returns the byte of the percent escape that text begins with.
func unhex(text string) (value byte, ok bool) {
	if len(text) < 3 || text[0] != '%' {
		return 0, false
	}
	var decoded [1]byte
	_, err := hex.Decode(decoded[:], []byte(text[1:3]))
	return decoded[0], err == nil
}
