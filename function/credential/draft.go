package credential

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"keyrelay/function/destination"
)

// A draft is the request of a retrieval while it is being put together. What it
// holds does not outlive the retrieval.
type draft struct {
	method  string
	url     url.URL
	header  http.Header
	members []member
	form    url.Values
	// secrets are the values that must not come back from the destination.
	secrets []string
}

// A member is one member of a JSON body.
type member struct {
	name  string
	value []byte
}

// keyDraft is the call of x-itential-dynamic-retrieval,
// https://docs.itential.com/docs/dynamic-api-key-retrieval-integration-models.
func keyDraft(in *inputs) (*draft, error) {
	retrieval := in.want.scheme.Retrieval
	d := &draft{method: retrieval.Method, url: *retrieval.URL, header: http.Header{"Accept": {"application/json, */*;q=0.5"}}}
	if in.want.scheme.RequestContentType == formType {
		d.form = url.Values{}
	}
	return d, d.fill(in, "key")
}

// tokenDraft is a token request (RFC 6749 sections 4.3.2 and 4.4.2).
func tokenDraft(in *inputs, endpoint *url.URL) (*draft, error) {
	d := &draft{method: http.MethodPost, url: *endpoint, header: http.Header{"Accept": {"application/json"}}, form: url.Values{}}
	grant := "client_credentials"
	if in.want.scheme.Flow != nil {
		grant = in.want.scheme.Flow.GrantType
	}
	d.form.Set("grant_type", grant)
	if in.want.scopes != "" {
		d.form.Set("scope", in.want.scopes)
	}
	if grant == "password" {
		if err := d.owner(in); err != nil {
			return nil, err
		}
	}
	if err := d.client(in, grant); err != nil {
		return nil, err
	}
	return d, d.fill(in, "token")
}

// owner adds the resource owner's name and password.
func (d *draft) owner(in *inputs) error {
	name, err := in.needed("username")
	if err != nil {
		return err
	}
	password, err := in.needed("password")
	if err != nil {
		return err
	}
	d.form.Set("username", name)
	d.form.Set("password", password)
	d.secrets = append(d.secrets, password)
	return nil
}

// client adds the client's authentication (RFC 6749 section 2.3.1). A public
// client of the password flow has no secret, and possibly no id (section 3.2.1).
func (d *draft) client(in *inputs, grant string) error {
	id, hasID := in.member("client_id")
	secret, hasSecret := in.member("client_secret")
	if grant == "password" && !hasSecret {
		if hasID {
			d.form.Set("client_id", id)
		}
		return nil
	}
	for _, name := range [...]string{"client_id", "client_secret"} {
		if _, err := in.needed(name); err != nil {
			return err
		}
	}
	d.secrets = append(d.secrets, secret)
	if in.want.scheme.ClientSecretPost {
		d.form.Set("client_id", id)
		d.form.Set("client_secret", secret)
		return nil
	}
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	d.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	d.secrets = append(d.secrets, pair)
	return nil
}

// fill adds the x-itential-parameters that are for this use.
func (d *draft) fill(in *inputs, use string) error {
	for _, parameter := range in.want.scheme.Parameters {
		if !slices.Contains(parameter.UseIn, use) {
			continue
		}
		value, private, err := in.value(parameter)
		if err != nil {
			return err
		}
		text, scalar := scalarText(value)
		if private && scalar {
			d.secrets = append(d.secrets, text)
		}
		if parameter.In == "body" && d.form == nil {
			d.members = append(d.members, member{parameter.Name, value})
			continue
		}
		problem := ""
		if !scalar {
			problem = "is an object or an array"
		} else if parameter.In == "header" && headerProblem(text) != "" {
			problem = "holds what a header cannot carry"
		}
		if problem != "" {
			return unusable(in.want.scheme.Secret, "does not fit: the value of "+parameter.Name+" for "+in.want.scheme.Name+" "+problem+". Mend it.")
		}
		d.place(parameter, text)
	}
	return nil
}

func (d *draft) place(parameter destination.RetrievalParameter, text string) {
	switch parameter.In {
	case "query":
		d.url.RawQuery = appended(d.url.RawQuery, "&", escapeQuery(parameter.Name)+"="+escapeQuery(text))
	case "header":
		d.header.Set(parameter.Name, text)
	default:
		d.form.Set(parameter.Name, text)
	}
}

// The media types of a retrieval's body.
const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// request makes the request. It has a body where there is anything to put into it.
func (d *draft) request(ctx context.Context) (*http.Request, error) {
	var body []byte
	mediaType := ""
	switch {
	case len(d.form) > 0:
		body, mediaType = []byte(d.form.Encode()), formType
	case len(d.members) > 0:
		body, mediaType = d.object(), jsonType
	}
	request, err := http.NewRequestWithContext(ctx, d.method, d.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = d.header
	request.Header.Set("User-Agent", "keyrelay")
	request.Header.Set("Accept-Encoding", "identity")
	if mediaType != "" && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", mediaType)
	}
	return request, nil
}

// object is a JSON body with the members in the document's order.
func (d *draft) object() []byte {
	var text strings.Builder
	for i, each := range d.members {
		name, _ := json.Marshal(each.name)
		text.WriteString(","[:min(i, 1)] + string(name) + ":")
		text.Write(each.value)
	}
	return []byte("{" + text.String() + "}")
}
