package credential_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"testing"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// verifyOAuth1 is the signature that a server computes of a request, by the text of RFC
// 5849 section 3.4; address is the URL as it was sent, form a body's.
func verifyOAuth1(method, address, form string, oauth map[string]string, consumerSecret, tokenSecret string, made func() hash.Hash) string {
	encode := func(text string) string {
		var encoded strings.Builder
		for _, c := range []byte(text) {
			if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", c) >= 0 {
				encoded.WriteByte(c)
			} else {
				fmt.Fprintf(&encoded, "%%%02X", c)
			}
		}
		return encoded.String()
	}
	address, query, _ := strings.Cut(address, "?")
	var list [][2]string
	for _, part := range append(strings.Split(query, "&"), strings.Split(form, "&")...) {
		name, value, _ := strings.Cut(part, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		if part != "" {
			list = append(list, [2]string{encode(name), encode(value)})
		}
	}
	for name, value := range oauth {
		if name != "oauth_signature" && name != "realm" {
			list = append(list, [2]string{encode(name), encode(value)})
		}
	}
	sort.Slice(list, func(i, j int) bool {
		return list[i][0] < list[j][0] || list[i][0] == list[j][0] && list[i][1] < list[j][1]
	})
	normalized := ""
	for _, each := range list {
		normalized += "&" + each[0] + "=" + each[1]
	}
	code := hmac.New(made, []byte(encode(consumerSecret)+"&"+encode(tokenSecret)))
	_, _ = code.Write([]byte(method + "&" + encode(address) + "&" + encode(strings.TrimPrefix(normalized, "&"))))
	return base64.StdEncoding.EncodeToString(code.Sum(nil))
}

// TestVerifyOAuth1 holds the verifier to the example of RFC 5849 section 1.2 and to that of
// X, https://docs.x.com/resources/fundamentals/authentication/oauth-1-0a/creating-a-signature.
func TestVerifyOAuth1(t *testing.T) {
	got := verifyOAuth1("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", "", map[string]string{
		"realm": "Photos", "oauth_consumer_key": "dpf43f3p2l4k3l03", "oauth_token": "nnch734d00sl2jdk", "oauth_signature_method": "HMAC-SHA1", "oauth_timestamp": "137131202", "oauth_nonce": "chapoH",
	}, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00", sha1.New)
	if got != "MdpQcU8iPSUjWoN/UDMsK2sui9I=" {
		t.Errorf("of the RFC: %s", got)
	}
	got = verifyOAuth1("POST", "https://api.twitter.com/1.1/statuses/update.json?include_entities=true", "status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21", map[string]string{
		"oauth_consumer_key": "xvz1evFS4wEEPTGEFPHBog", "oauth_nonce": "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", "oauth_signature_method": "HMAC-SHA1",
		"oauth_timestamp": "1318622958", "oauth_token": "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", "oauth_version": "1.0",
	}, "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE", sha1.New)
	if got != "hCtSmYh+iHYCEqBWrE7C7hYmtUk=" {
		t.Errorf("of X: %s", got)
	}
}

// TestOAuth1 has a server verify signatures, over the query and a form, with a token and
// without, and that no two requests have one nonce.
func TestOAuth1(t *testing.T) {
	var method, consumerSecret, tokenSecret, form string
	nonces, hashes := map[string]bool{}, map[string]func() hash.Hash{"HMAC-SHA1": sha1.New, "HMAC-SHA256": sha256.New}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		list, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
		oauth := map[string]string{}
		for _, each := range strings.Split(list, ", ") {
			name, value, _ := strings.Cut(each, "=")
			if oauth[name], _ = url.PathUnescape(strings.Trim(value, `"`)); name == "realm" {
				oauth[name] = strings.Trim(value, `"`)
			}
		}
		want := strings.NewReplacer("c&/1&s=1", "c%26%2F1&s%3D1").Replace(consumerSecret + "&" + tokenSecret)
		if made := hashes[method]; made != nil {
			want = verifyOAuth1(r.Method, "http://"+strings.ToLower(r.Host)+r.RequestURI, form, oauth, consumerSecret, tokenSecret, made)
		}
		age := time.Now().Unix()
		_, _ = fmt.Sscan(oauth["oauth_timestamp"], &age)
		if !ok || oauth["oauth_signature"] != want || oauth["oauth_signature_method"] != method || oauth["oauth_version"] != "1.0" || oauth["oauth_consumer_key"] != "the key" || time.Now().Unix()-age > 60 {
			t.Errorf("%s %s: %s, want the signature %s", r.Method, r.RequestURI, list, want)
		}
		if (oauth["oauth_token"] != "") != (tokenSecret != "") || oauth["realm"] != "1234567_SB1" || nonces[oauth["oauth_nonce"]] {
			t.Errorf("%v", oauth)
		}
		nonces[oauth["oauth_nonce"]] = true
	}))
	t.Cleanup(server.Close)
	for _, content := range []string{`{"consumer_key": "the key", "consumer_secret": "c&/1", "token": "t+1", "token_secret": "s=1"}`, `{"consumer_key": "the key", "consumer_secret": "c1"}`} {
		consumerSecret, tokenSecret = "c1", ""
		if strings.Contains(content, "token") {
			consumerSecret, tokenSecret = "c&/1", "s=1"
		}
		for _, method = range []string{"HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT"} {
			w := newWorld(t, map[string]string{"consumer": content}, nil)
			scheme := &destination.SecurityScheme{Name: "oauth", Kind: destination.SignedOAuth1, In: "header", Field: "Authorization", Secret: managed("consumer", ""),
				OAuth1: destination.OAuth1{SignatureMethod: method, Realm: "1234567_SB1"}}
			had := mustGet(t, w.store, w.plan(scheme))
			for _, test := range []struct{ method, path, form string }{
				{"GET", "/", ""}, {"GET", "/a%20b/%C3%A9?b=2&a=1&a=0&a-b=3&a1=4&c=x%2fy&empty=&d=a+b&%C3%A9=%C3%A9", ""}, {"POST", "/statuses?x", "status=Hello+W%C3%B6rld%21&a=9"}, {"PUT", "/orders", ""},
			} {
				form = test.form
				request, err := http.NewRequest(test.method, server.URL+test.path, strings.NewReader(test.form))
				if err != nil {
					t.Fatal(err)
				}
				request.Header = http.Header{"Authorization": {"mine"}}
				if form != "" {
					request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
				}
				had.Apply(request)
				answer, err := server.Client().Do(request)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
			}
		}
	}
	for _, content := range []string{`{"consumer_key": "hush"}`, `{}`} {
		w := newWorld(t, map[string]string{"consumer": content}, nil)
		_, err := w.store.Get(t.Context(), w.plan(&destination.SecurityScheme{Name: "oauth", Kind: destination.SignedOAuth1, Secret: managed("consumer", "")}))
		if refusal := mustFail(t, err, secret.ErrUnavailable, "hush"); !strings.Contains(refusal.Detail, "consumer_secret") {
			t.Error(refusal.Detail)
		}
	}
}
