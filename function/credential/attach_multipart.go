package credential

import (
	"bufio"
	"bytes"
	"mime"
	"net/textproto"
	"strings"

	"keyrelay/function/destination"
)

// withPart returns a body of multipart/form-data (RFC 7578) with a field, in front of
// all others, since the last of a name counts for some servers and the first for others:
// any that could be taken for it are removed. The others stay byte for byte.
func withPart(body []byte, boundary, name, text string) []byte {
	delimiter := "\r\n--" + boundary
	quoted := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name) // as browsers do
	made := []byte(delimiter + "\r\nContent-Disposition: form-data; name=\"" + quoted + "\"\r\n\r\n" + text)
	sections := bytes.Split(append([]byte("\r\n"), body...), []byte(delimiter))
	closed := false
	for _, section := range sections[1:] { // what stands before the first delimiter is no part
		if closed = bytes.HasPrefix(section, []byte("--")); closed {
			break
		}
		if !sameParameter(partName(section), name) {
			made = append(append(made, delimiter...), section...)
		}
	}
	return append(made[len("\r\n"):], delimiter+"--\r\n"...)
}

// partName is the name of the field that a part is, without the escapes that browsers
// write; empty if it says none.
func partName(section []byte) string {
	_, head, _ := bytes.Cut(section, []byte("\n"))
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(head))).ReadMIMEHeader()
	_, parameters, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	return destination.Unescape(parameters["name"])
}
