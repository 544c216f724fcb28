package main

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// contentPolicy lets the page use what this program serves and nothing else: no inline
// script or style, no frame around it, no form to another place.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// guardPage serves the page to who knows its address alone: the token in it keeps out
// other users of the machine and what their programs ask for, the checks of fromHere
// keep out scripts of other sites.
func guardPage(token string, page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		switch given := r.URL.Query().Get("token"); {
		case !fromHere(r):
			http.Error(w, "The workbench answers its own page on this machine only.", http.StatusForbidden)
		case subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1:
			http.Error(w, "Open the address that make run printed last: it holds the token.", http.StatusForbidden)
		default:
			page.ServeHTTP(w, r)
		}
	})
}

// guardRelay keeps scripts of other sites away from the relay: a page that a browser
// on this machine shows could otherwise spend its credentials.
func guardRelay(relay http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromHere(r) {
			http.Error(w, "This relay answers programs on this machine only.", http.StatusForbidden)
			return
		}
		relay.ServeHTTP(w, r)
	})
}

// guardSecrets serves secrets to who knows the token, which is the path of their address: not
// to other users of the machine. An empty one is for what runs in a container, whose address is
// written down; scripts of pages, of which a browser says so, are kept away in any case.
func guardSecrets(token string, secrets http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.Trim(r.URL.Path, "/")
		byPage := r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
		if byPage || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			http.Error(w, "These secrets are for the relay that was started with them.", http.StatusForbidden)
			return
		}
		secrets.ServeHTTP(w, r)
	})
}

// fromHere reports whether a request names this machine as its host, which a name that
// is bound to 127.0.0.1 by someone else does not, and whether a browser that sent it
// says that no other site's page made it do so (Fetch Metadata, RFC 6454).
func fromHere(r *http.Request) bool {
	if !isThisMachine(r.Host) {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return false
	}
	for _, origin := range r.Header.Values("Origin") {
		parsed, err := url.Parse(origin)
		if err != nil || parsed.Scheme != "http" || parsed.Host != r.Host {
			return false
		}
	}
	return true
}

// isThisMachine reports whether a Host field names loopback.
func isThisMachine(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return slices.Contains([]string{"127.0.0.1", "localhost", "::1", "[::1]"}, name)
}
