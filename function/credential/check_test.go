package credential_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/secret"
)

// TestCheck has secrets of the environment and of files lack, one after the other, each
// member that their kind of credential is made of, or hold it in a wrong shape: the
// fault names the member, the scheme and the reference, and no value. The control is
// the same scheme with all of its members.
func TestCheck(t *testing.T) {
	key := signingKey(t)
	client := `{"client_id": "hush-id", "client_secret": "hush-secret"}`
	token := `flows: {clientCredentials: {tokenUrl: "https://id.example.com/token", scopes: {}}}`
	password := strings.Replace(token, "clientCredentials", "password", 1)
	code := `flows: {authorizationCode: {authorizationUrl: "https://id.example.com/consent", tokenUrl: "https://id.example.com/token", scopes: {}}}`
	retrieved := `in: header, name: X, x-itential-dynamic-retrieval: {method: POST, url: "https://id.example.com/key", responsePointer: /key}, x-itential-parameters: [{name: user, in: body, x-itential-use-in: [key]}]`
	for name, test := range map[string]struct{ scheme, fine, secret, problem string }{
		"a key":                        {`type: apiKey, in: header, name: X`, "hush", `{"key": "hush"}`, "is a JSON object and not a key"},
		"a bearer token":               {`type: http, scheme: bearer`, "hush", `{"token": "hush"}`, "is a JSON object and not a key"},
		"a user name":                  {`type: http, scheme: basic`, `{"username": "hush", "password": "hush"}`, `{"password": "hush"}`, "username"},
		"a user's password":            {`type: http, scheme: basic`, "hush:hush", `{"username": "hush"}`, "password"},
		"basic as a text":              {`type: http, scheme: basic`, "hush:", "hush", "user:password"},
		"client_id":                    {`type: oauth2, ` + token, client, `{"client_secret": "hush"}`, "has no member client_id"},
		"client_secret":                {`type: oauth2, ` + token, client, `{"client_id": "hush"}`, "has no member client_secret"},
		"client_secret by discovery":   {`type: openIdConnect, openIdConnectUrl: "https://id.example.com/d"`, client, `{"client_id": "hush"}`, ""},
		"username of an owner":         {`type: oauth2, ` + password, `{"username": "hush", "password": "hush"}`, `{"password": "hush"}`, "has no member username"},
		"password of an owner":         {`type: oauth2, ` + password, `{"username": "hush", "password": "hush"}`, `{"username": "hush"}`, "has no member password"},
		"refresh_token":                {`type: oauth2, ` + code, `{"client_id": "hush", "refresh_token": "hush"}`, `{"client_id": "hush"}`, "has no member refresh_token"},
		"private_key of an assertion":  {`type: oauth2, x-keyrelay-client-authentication: private_key_jwt, x-keyrelay-jwt: {alg: ES256}, ` + token, quotedMembers("client_id", "hush", "private_key", key), `{"client_id": "hush"}`, "private_key"},
		"client_id of an assertion":    {`type: oauth2, x-keyrelay-client-authentication: private_key_jwt, x-keyrelay-jwt: {alg: ES256}, ` + token, quotedMembers("client_id", "hush", "private_key", key), quotedMembers("private_key", key), "has no member client_id"},
		"private_key of a JWT":         {`type: http, scheme: bearer, x-keyrelay-jwt: {alg: ES256}`, quotedMembers("private_key", key), `{"key": "hush"}`, "private_key"},
		"a private_key as a text":      {`type: http, scheme: bearer, x-keyrelay-jwt: {alg: ES256}`, "", "hush", "is a text"},
		"a private_key that is none":   {`type: http, scheme: bearer, x-keyrelay-jwt: {alg: ES256}`, quotedMembers("private_key", key), `{"private_key": "hush"}`, "private_key"},
		"client_secret of an HMAC":     {`type: http, scheme: bearer, x-keyrelay-jwt: {alg: HS256}`, `{"client_secret": "hush-hush-hush-hush-hush-hush-hush"}`, `{"key": "hush"}`, "client_secret"},
		"Username and PASSWORD":        {`type: http, scheme: basic`, `{"Username": "hush", "PASSWORD": "hush"}`, `{"Username": "hush"}`, "password"},
		"a template's own Name":        {`type: apiKey, in: header, name: X, x-keyrelay-value: "{{{username}}}"`, `{"username": "hush"}`, `{"Username": "hush"}`, "{{{/username}}} finds nothing"},
		"Access_Key_Id":                {`type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: awsSigv4, x-keyrelay-sigv4: {service: s3, region: eu-west-1}`, `{"Access_Key_Id": "hush", "Secret_Access_Key": "hush"}`, `{"AccessKey": "hush", "Secret_Access_Key": "hush"}`, "access_key_id"},
		"AccessKeyId":                  {`type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: awsSigv4, x-keyrelay-sigv4: {service: s3, region: eu-west-1}`, `{"AccessKeyId": "hush", "SecretAccessKey": "hush"}`, `{"SecretAccessKey": "hush"}`, "access_key_id"},
		"clientid of a service key":    {`type: oauth2, ` + token, `{"clientid": "hush", "clientsecret": "hush"}`, `{"clientid": "hush"}`, "has no member client_secret"},
		"clientId and accessToken":     {`type: oauth2, ` + code, `{"clientId": "hush", "accessToken": "hush"}`, `{"clientId": "hush"}`, "has no member refresh_token"},
		"a key file without a JWT":     {`type: oauth2, ` + token, client, quotedMembers("client_id", "hush", "private_key", key), "to sign with the key, write x-keyrelay-jwt"},
		"privateKey of a JWT":          {`type: http, scheme: bearer, x-keyrelay-jwt: {alg: ES256}`, quotedMembers("privateKey", key), `{"privateKey": "hush"}`, "private_key"},
		"ClientSecret of an HMAC":      {`type: http, scheme: bearer, x-keyrelay-jwt: {alg: HS256}`, `{"ClientSecret": "hush-hush-hush-hush-hush-hush-hush"}`, `{"ClientSecret": "hush"}`, "client_secret"},
		"the grant that it has":        {`type: oauth2, x-itential-parameters: [{name: grant_type, in: body, x-itential-use-in: [token], schema: {default: client_credentials}}], ` + token, client, `{"id": "hush", "secret": "hush"}`, "has no member client_id"},
		"a grant of its own":           {`type: oauth2, x-itential-parameters: [{name: grant_type, in: body, x-itential-use-in: [token], schema: {default: apikey}}], ` + token, `{"apikey": "hush"}`, `{"client_id": "hush"}`, "has no member client_secret"},
		"Consumer_Key":                 {`type: http, scheme: OAuth`, `{"Consumer_Key": "hush", "CONSUMER_SECRET": "hush", "Token": "hush", "Token_Secret": "hush"}`, `{"Consumer_Key": "hush"}`, "consumer_secret"},
		"Certificate":                  {`type: mutualTLS`, strings.NewReplacer("certificate", "Certificate", "private_key", "Private_Key").Replace(fake.ClientCertificate(1)), `{"Certificate": "hush"}`, "private_key"},
		"certificate":                  {`type: mutualTLS`, "", quotedMembers("private_key", key), "certificate"},
		"secret_access_key":            {`type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: awsSigv4, x-keyrelay-sigv4: {service: s3, region: eu-west-1}`, `{"access_key_id": "hush", "secret_access_key": "hush"}`, `{"access_key_id": "hush"}`, "secret_access_key"},
		"a parameter":                  {`type: apiKey, ` + retrieved, `{"user": "hush"}`, `{"usr": "hush"}`, "has no member user"},
		"a broken object of oauth2":    {`type: oauth2, ` + token, "hush", `{"client_id": "hush",}`, "is no valid JSON (line 1, column 22)"},
		"a broken object of discovery": {`type: openIdConnect, openIdConnectUrl: "https://id.example.com/d"`, "hush", ` {"client_id" "hush"}`, "is no valid JSON (line 1, column 15)"},
		"a list for oauth2":            {`type: oauth2, ` + token, "hush", `["hush"]`, "is no JSON object"},
		"a broken object of basic":     {`type: http, scheme: basic`, "hush:hush", `{"username": "hush", "password": "hush"`, "is no valid JSON"},
		"a broken object of bearer":    {`type: http, scheme: bearer`, "hush", `{"token": "hush",}`, "is no valid JSON"},
		"a broken object of a word":    {`type: http, scheme: Token`, "hush", `{token: "hush"}`, "is no valid JSON"},
		"a broken object of a key":     {`type: apiKey, in: header, name: X`, "{hush}", `{"key": "hush",}`, "is no valid JSON"},
		"a broken object of a login":   {`type: apiKey, ` + retrieved, `{"user": "hush"}`, `{"user": "hush",}`, "is no valid JSON"},
		"a broken object of a JWT":     {`type: http, scheme: bearer, x-keyrelay-jwt: {alg: ES256}`, "", `{"private_key": "hush",}`, "is no valid JSON"},
		"a broken object of sigv4":     {`type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: awsSigv4`, "", `{"access_key_id": "hush",}`, "is no valid JSON"},
		"a broken certificate":         {`type: mutualTLS`, "", `{"certificate": "hush",}`, "is no valid JSON"},
		"a header copied whole":        {`type: apiKey, in: header, name: x-api-key`, "x-api-keyhush", "X-Api-Key: hush", "begins with X-Api-Key:"},
		"a header for bearer":          {`type: http, scheme: bearer`, "Bearer hush", "authorization: Bearer hush", "store only what follows it"},
		"a header for basic":           {`type: http, scheme: basic`, "hush:hush", "Authorization: Basic hush", "begins with Authorization:"},
		"a header in a template":       {`type: apiKey, in: header, name: X, x-keyrelay-value: "a {{{.}}}"`, "hush", "X:hush", "begins with X:"},
		"a query parameter":            {`type: apiKey, in: query, name: key`, "keyhush=", "key=hush", "begins with key="},
		"a whole cookie":               {`type: apiKey, in: cookie, name: SID`, "hush", "SID=hush", "begins with SID="},
		"a key in quotes":              {`type: apiKey, in: header, name: X`, `hush"`, `"hush"`, "in quotation marks"},
		"a pair in quotes":             {`type: http, scheme: basic`, `hush:"hush"`, `"hush:hush"`, "in quotation marks"},
		"an object in quotes":          {`type: oauth2, ` + token, client, `"{\"client_id\": \"hush\"}"`, "in quotation marks"},
		"a line break for basic":       {`type: http, scheme: basic`, "hush:hush\r\n", "hush:hush\n\n", "store it without"},
		"a text in place of an object": {`type: apiKey, ` + retrieved, `{"user": "hush"}`, `hush`, "is no JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.fine != "" {
				if err := checked(t, test.scheme, test.fine); err != nil {
					t.Errorf("with all of its members: %v", err)
				}
			}
			err := checked(t, test.scheme, test.secret)
			if test.problem == "" {
				if err != nil {
					t.Errorf("what only a call can tell: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.problem) || strings.Contains(err.Error(), "hush") ||
				!strings.Contains(err.Error(), "the secret env:CHECKED of the security scheme checked ") || !strings.Contains(err.Error(), "api.yaml:4:") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestWrongKeys says which kind of key a secret holds in the place of the one that is needed.
func TestWrongKeys(t *testing.T) {
	encoded := func(label, text string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: []byte(text)}))
	}
	certificate := `type: mutualTLS`
	signs := `type: http, scheme: bearer, x-keyrelay-jwt: {alg: %s}`
	for _, test := range []struct{ scheme, key, says string }{
		{strings.Replace(signs, "%s", "ES384", 1), signingKey(t), "private_key holds an EC key of P-256"},
		{strings.Replace(signs, "%s", "RS256", 1), strings.ReplaceAll(signingKey(t), "\n", `\n`), "private_key holds an EC key of P-256"},
		{strings.Replace(signs, "%s", "EdDSA", 1), encoded("OPENSSH PRIVATE KEY", "hush"), "private_key holds OPENSSH PRIVATE KEY"},
		{strings.Replace(signs, "%s", "RS256", 1), encoded("ENCRYPTED PRIVATE KEY", "hush"), "private_key holds ENCRYPTED PRIVATE KEY"},
		{strings.Replace(signs, "%s", "RS256", 1), "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\naHVzaA==\n-----END RSA PRIVATE KEY-----", "private_key holds a key with a passphrase"},
		{strings.Replace(signs, "%s", "RS256", 1), encoded("PUBLIC KEY", "hush"), "private_key holds PUBLIC KEY"},
		{strings.Replace(signs, "%s", "RS256", 1), encoded("hush", "hush"), "asks for"},
		{strings.Replace(signs, "%s", "RS256", 1), "aHVzaA==", "asks for"},
		{certificate, encoded("ENCRYPTED PRIVATE KEY", "hush"), "private_key holds ENCRYPTED PRIVATE KEY"},
		{certificate, "aHVzaA==", "certificate holds an EC key of P-256"},
	} {
		err := checked(t, test.scheme, quotedMembers("private_key", test.key, "certificate", signingKey(t)))
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "aHVzaA") {
			t.Errorf("%s: got %v", test.says, err)
		}
	}
	if err := checked(t, strings.Replace(signs, "%s", "ES256", 1), quotedMembers("private_key", strings.ReplaceAll(signingKey(t), "\n", `\\n`))); err != nil {
		t.Errorf("line breaks escaped twice: %v", err)
	}
}

// TestCheckLeavesAlone sees that nothing is said of secrets of Secrets Manager, those that a
// record chooses from, and those that are well.
func TestCheckLeavesAlone(t *testing.T) {
	for name, scheme := range map[string]string{
		"Secrets Manager":   `type: http, scheme: basic, x-keyrelay-secret: "secretsmanager:missing"`,
		"the usual secret":  `type: http, scheme: basic`,
		"a field's member":  `type: http, scheme: basic, x-keyrelay-secret: "env:CHECKED#/{org}"`,
		"no secret at all":  `type: http, scheme: digest`,
		"the process's own": `type: apiKey, in: header, name: Authorization, x-amazon-apigateway-authtype: awsSigv4`,
	} {
		t.Setenv("CHECKED", `{"a": {"username": "hush"}}`)
		if err := credential.Check(t.Context(), loaded(t, scheme), secret.New(secret.Config{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCheckShared has the secret of a login hold an access token that is used as it is: a
// scheme that is filled from the answer of its call takes what it names from the secret.
func TestCheckShared(t *testing.T) {
	for _, test := range []struct{ value, problem string }{
		{`x-keyrelay-value: "{{{access_token}}}"`, ""},
		{`x-keyrelay-value: "{{{shop}}}"`, "{{{/shop}}} finds nothing"},
		{`x-keyrelay-response: {header: X-Session}`, "write x-keyrelay-value instead"},
	} {
		err := checked(t, `type: apiKey, in: header, name: X-Token, x-keyrelay-retrieval: login, `+test.value+`}, `+
			`login: {type: oauth2, flows: {authorizationCode: {authorizationUrl: "https://id.example.com/consent", tokenUrl: "https://id.example.com/token", scopes: {}}}`, `{"access_token": "hush"}`)
		if test.problem == "" && err != nil || test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)) {
			t.Errorf("%s: %v", test.value, err)
		}
	}
}

// checked checks a scheme whose secret, of the environment, has this value.
func checked(t *testing.T, scheme, value string) error {
	t.Helper()
	t.Setenv("CHECKED", value)
	return credential.Check(t.Context(), loaded(t, scheme+`, x-keyrelay-secret: "env:CHECKED"`), secret.New(secret.Config{}))
}

// loaded loads a document with this scheme.
func loaded(t *testing.T, scheme string) *destination.Set {
	t.Helper()
	folder := t.TempDir()
	document := "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nservers: [{url: 'https://api.example.com'}]\ncomponents: {securitySchemes: {checked: {" + scheme + "}}}\n"
	if err := os.WriteFile(filepath.Join(folder, "api.yaml"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// signingKey is a private key as PEM.
func signingKey(t *testing.T) string {
	t.Helper()
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(made)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

// quotedMembers is a JSON object of names and texts.
func quotedMembers(pairs ...string) string {
	members := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		members[pairs[i]] = pairs[i+1]
	}
	text, _ := json.Marshal(members)
	return string(text)
}
