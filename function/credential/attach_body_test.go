package credential_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
)

// sendForm sends a body with the credential to a real server, which reads it as its
// Content-Type says, and returns the fields that it found, in their order.
func sendForm(t *testing.T, had *credential.Credential, contentType, body string) (fields []string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		parts, err := r.MultipartReader()
		if err != nil {
			t.Errorf("%s is no multipart form: %v", r.Header.Get("Content-Type"), err)
			return
		}
		for {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			value, _ := io.ReadAll(part)
			fields = append(fields, part.FormName()+"|"+part.FileName()+"|"+part.Header.Get("Content-Type")+"|"+string(value))
		}
	}))
	defer server.Close()
	request, err := http.NewRequest(http.MethodPost, server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	had.Apply(request)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return fields
}

// TestInMultipart makes the credential a field of a multipart form: beside what is
// there, byte for byte, in the place of what could be taken for it, and alone where the
// operation takes such a form and there is no body.
func TestInMultipart(t *testing.T) {
	const name, key = `api "key"`, "k=1&\r\nß"
	scheme := &destination.SecurityScheme{Name: "member", In: "body", Field: name, Secret: managed("key", "")}
	outbound := planWith(scheme)
	outbound.Operation.BodyType = "multipart/form-data"
	had := mustGet(t, storeOn(t, fake.NewSecrets(map[string]string{"key": key})), outbound)
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	file, _ := writer.CreateFormFile("file", "a.bin")
	_, _ = file.Write([]byte("\x00\xff\r\n--not-the-boundary\r\n"))
	_ = writer.WriteField(name, "mine")
	_ = writer.WriteField("note", "")
	_ = writer.WriteField("API_\"key\"[]", "mine too")
	browser, _ := writer.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="api %22key%22"`}})
	_, _ = browser.Write([]byte("mine as well"))
	_ = writer.Close()
	ours := name + "|||" + key
	ours = strings.Replace(ours, `"key"`, `%22key%22`, 1)
	others := []string{"file|a.bin|application/octet-stream|\x00\xff\r\n--not-the-boundary\r\n", "note|||"}
	open, _, _ := strings.Cut(form.String(), "--"+writer.Boundary()+"--")
	for what, test := range map[string]struct {
		contentType, body string
		fields            []string
	}{
		"a form":          {writer.FormDataContentType(), form.String(), append([]string{ours}, others...)},
		"behind a word":   {writer.FormDataContentType(), "This is a preamble.\r\n" + form.String(), append([]string{ours}, others...)},
		"one cut off":     {writer.FormDataContentType(), strings.TrimSuffix(open, "\r\n"), append([]string{ours}, others...)},
		"an empty form":   {`Multipart/Form-Data; boundary="a b"`, "--a b--\r\n", []string{ours}},
		"nothing":         {"", "", []string{ours}},
		"nothing as JSON": {"application/json", "", []string{ours}},
		"no boundary":     {"multipart/form-data", "hush", []string{ours}},
	} {
		t.Run(what, func(t *testing.T) {
			if difference := cmp.Diff(test.fields, sendForm(t, had, test.contentType, test.body)); difference != "" {
				t.Errorf("fields (-want +got):\n%s", difference)
			}
		})
	}
}
