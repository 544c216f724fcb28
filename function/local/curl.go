package main

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"keyrelay/function/gateway"
)

// A curlCommand is the request that a curl command line sends.
type curlCommand struct {
	method string
	url    *url.URL
	// headers are in the order of the command line.
	headers []headerLine
	body    string
	// user is "name:password" of -u; certificate says that -E presents one.
	user        string
	certificate bool
	// multipart says that the body, here as pairs, is sent as a form of parts.
	multipart bool
	// signature is the value of --aws-sigv4, such as aws:amz:eu-central-1:execute-api.
	signature string
	// notes say what of the command the relay does otherwise.
	notes []string
}

// A headerLine is one header field.
type headerLine struct{ Name, Value string }

// IsLong says that the page shows it in a box of its own.
func (h headerLine) IsLong() bool { return len(h.Value) > maxLine }

// maxCurl is the longest command that is read.
const maxCurl = 1 << 20

// parseCurl reads a command line as a shell and curl would. The errors hold nothing of the command's values.
func parseCurl(text string) (*curlCommand, error) {
	if len(text) > maxCurl {
		return nil, errors.New("the command is longer than 1 MB; leave most of its data out")
	}
	shell, err := newShellReader(strings.TrimLeft(text, "$ \t\r\n")) // a copied prompt is none of it
	if err != nil {
		return nil, err
	}
	if len(shell.words) == 0 || !slices.Contains([]string{"curl", "curl.exe"}, path.Base(shell.words[0])) {
		return nil, errors.New("a command that begins with curl is read here")
	}
	reader := curlReader{words: shell.words[1:], input: shell.input}
	if shell.expands {
		reader.notes = append(reader.notes, "The command has variables of your shell, such as $NAME, which stand here as they are: put their values in.")
	}
	if shell.cutsURL {
		reader.notes = append(reader.notes, "The URL has an & outside quotes, at which a shell ends the command, so what follows it was left out: put the URL in quotes.")
	}
	if filled.MatchString(text) {
		reader.notes = append(reader.notes, "The command has variables in two braces, such as {{name}}, which stand here as they are: put their values in.")
	}
	made, err := reader.request()
	if err != nil && filled.MatchString(reader.target) {
		return nil, errors.New("the URL has variables in two braces, such as {{name}}; put their values in")
	}
	if err != nil && strings.ContainsAny(text, "\u201c\u201d\u2018\u2019") {
		return nil, errors.New("the command has typographic quotation marks, as texts copied from a page have, which no shell takes; write ' or \" in their place")
	}
	return made, err
}

// filled is a variable that a program such as Postman fills before it sends a request.
var filled = regexp.MustCompile(`\{\{[^{}\s]+\}\}`)

// curlFlags are options without a value that change nothing here, curlIgnored those with one.
func curlFlags() []string {
	return strings.Fields("-s --silent -S --show-error -v --verbose -f --fail --fail-with-body --compressed -g --globoff -N --no-buffer -# --progress-bar " +
		"-O --remote-name -J --http1.0 -0 --http1.1 --http2 --http3 --tlsv1.2 --tlsv1.3 -4 -6 --ipv4 --ipv6 -i --include --no-keepalive --tcp-nodelay -n --netrc --basic --no-progress-meter -a -j -q")
}

func curlIgnored() []string {
	return strings.Fields("-o --output -m --max-time --connect-timeout --retry --retry-delay --retry-max-time -w --write-out -x --proxy -D --dump-header " +
		"-c --cookie-jar --cacert --capath --resolve --interface --limit-rate --key --key-type --cert-type --max-redirs -b@ --ciphers --trace --stderr -K --config -U --proxy-user")
}

// A curlReader gathers what the options say.
type curlReader struct {
	curlCommand
	words              []string
	input              string
	target, query      string
	data               []string
	json, get, hasData bool
}

// request makes the request of all words.
func (r *curlReader) request() (*curlCommand, error) {
	if err := r.read(); err != nil {
		return nil, err
	}
	return r.command()
}

// read reads all words.
func (r *curlReader) read() error {
	for len(r.words) > 0 {
		word := r.words[0]
		r.words = r.words[1:]
		name, value, given := word, "", false
		switch {
		case word == "--":
			continue
		case strings.HasPrefix(word, "--"):
			name, value, given = strings.Cut(word, "=")
		case strings.HasPrefix(word, "-") && len(word) > 2:
			name, value, given = word[:2], word[2:], true
		case !strings.HasPrefix(word, "-") || word == "-":
			name, value, given = "--url", word, true
		}
		if err := r.option(name, value, given); err != nil {
			return err
		}
	}
	return nil
}

// option takes one option. Of short ones without a value several may stand together.
func (r *curlReader) option(name, value string, given bool) error {
	if r.flag(name) {
		if given && value != "" && !strings.HasPrefix(name, "--") {
			r.words = slices.Insert(r.words, 0, "-"+value)
		}
		return nil
	}
	last := !given && len(r.words) == 0
	if !given && !last {
		value, r.words = r.words[0], r.words[1:]
	}
	if !slices.Contains(curlIgnored(), name) {
		if err := r.valued(name, value); err != nil {
			return err
		}
	}
	if last {
		return fmt.Errorf("the option %s has no value", printableOption(name))
	}
	return nil
}

// flag takes an option without a value, or reports that it is none.
func (r *curlReader) flag(name string) bool {
	switch name {
	case "-G", "--get":
		r.get = true
	case "-I", "--head":
		r.method = "HEAD"
	case "--digest", "--ntlm", "--negotiate", "--anyauth":
		r.notes = append(r.notes, name+": the relay answers no challenge; it sends the name and password of -u as Basic.")
	case "-k", "--insecure":
		r.notes = append(r.notes, "-k: the relay always checks certificates. For one of your own, name its root with x-keyrelay-ca.")
	case "-L", "--location":
		r.notes = append(r.notes, "-L: the relay follows no redirect; it hands it back, with the address in X-Relay-Location.")
	default:
		return slices.Contains(curlFlags(), name)
	}
	return true
}

// valued takes an option with a value.
func (r *curlReader) valued(name, value string) error {
	switch name {
	case "-X", "--request":
		r.method = strings.ToUpper(value)
	case "--url":
		if r.target != "" {
			return errors.New("the command has two URLs; paste it with one")
		}
		r.target = value
	case "-H", "--header":
		return r.header(value)
	case "-d", "--data", "--data-ascii", "--data-binary", "--data-raw", "--data-urlencode", "--json", "--url-query":
		return r.addData(name, value)
	case "-u", "--user":
		r.user = value
	case "--aws-sigv4":
		r.signature = value
	case "--oauth2-bearer":
		r.headers = append(r.headers, headerLine{"Authorization", "Bearer " + value})
	case "-A", "--user-agent":
		r.headers = append(r.headers, headerLine{"User-Agent", value})
	case "-e", "--referer":
		r.headers = append(r.headers, headerLine{"Referer", value})
	case "-b", "--cookie":
		if strings.Contains(value, "=") {
			r.headers = append(r.headers, headerLine{"Cookie", value})
		}
	case "-E", "--cert":
		r.certificate = true
	case "-F", "--form", "--form-string":
		return r.addPart(name, value)
	case "-T", "--upload-file":
		return errors.New("the option " + name + " sends a file, and a record is JSON; leave it out, or write what a record can be with -d")
	default:
		return fmt.Errorf("the option %s is not known here; leave it out", printableOption(name))
	}
	return nil
}

// printableOption keeps what is no option's name, which may be a secret, out of messages.
func printableOption(name string) string {
	if len(name) > 30 || strings.ContainsFunc(name, func(c rune) bool { return c != '-' && !isAlphanumeric(c) }) {
		return "that follows the ones before it"
	}
	return name
}

// header takes a header field. "Name;" is one with an empty value, "Name:" removes one of curl's own.
func (r *curlReader) header(line string) error {
	if strings.HasPrefix(line, "@") {
		return errors.New("header fields are in a file; paste each as -H 'Name: value' in the place of -H @FILE")
	}
	name, value, found := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	if bare, empty := strings.CutSuffix(line, ";"); empty && !found {
		name, found = bare, true
	} else if value == "" {
		return nil
	}
	if found && name != "" {
		r.headers = append(r.headers, headerLine{name, value})
	}
	return nil
}

// addPart takes a part of a form that is a text.
func (r *curlReader) addPart(option, value string) error {
	name, text, _ := strings.Cut(value, "=")
	if option != "--form-string" {
		text, _, _ = strings.Cut(text, ";type=")
		if strings.HasPrefix(text, "@") || strings.HasPrefix(text, "<") {
			return errors.New("the option " + option + " sends a file, and a record is JSON; leave that part out")
		}
	}
	r.hasData, r.multipart = true, true
	r.data = append(r.data, url.QueryEscape(name)+"="+url.QueryEscape(text))
	return nil
}

// addData takes a part of the body or, with -G and --url-query, of the query.
func (r *curlReader) addData(option, value string) error {
	raw := option == "--data-raw"
	if value == "@-" && r.input != "" && !raw {
		value = r.input
		if option != "--data-binary" && option != "--json" {
			value = strings.ReplaceAll(value, "\n", "") // as curl does
		}
	}
	if !raw && strings.HasPrefix(value, "@") {
		return errors.New("the data is in a file; paste its content in the place of @FILE")
	}
	if option == "--data-urlencode" || option == "--url-query" {
		name, text, found := strings.Cut(value, "=")
		switch {
		case strings.Contains(name, "@"):
			return errors.New("the data is in a file; paste its content in the place of @FILE")
		case !found:
			value = url.QueryEscape(value)
		case name == "":
			value = url.QueryEscape(text)
		default:
			value = name + "=" + url.QueryEscape(text)
		}
	}
	if option == "--url-query" {
		r.query = joined(r.query, value)
		return nil
	}
	r.hasData = true
	r.json = r.json || option == "--json"
	r.data = append(r.data, value)
	return nil
}

func joined(query, more string) string {
	if query == "" || more == "" {
		return query + more
	}
	return query + "&" + more
}

// command makes the request of what was read.
func (r *curlReader) command() (*curlCommand, error) {
	if r.target == "" {
		return nil, errors.New("the command has no URL")
	}
	if !strings.Contains(r.target, "://") {
		r.target = "http://" + r.target
	}
	target, err := url.Parse(r.target)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, errors.New("the command's URL is not one of http or https")
	}
	made := &r.curlCommand
	made.url = target
	target.RawQuery = joined(target.RawQuery, r.query)
	target.Fragment, target.RawFragment = "", ""
	if target.User != nil {
		password, _ := target.User.Password()
		made.user, target.User = target.User.Username()+":"+password, nil
	}
	separator := "&"
	if r.json {
		separator = ""
	}
	body := strings.Join(r.data, separator)
	if r.get {
		target.RawQuery = joined(target.RawQuery, body)
	} else {
		made.body = body
	}
	if made.method == "" {
		made.method = "GET"
		if r.hasData && !r.get {
			made.method = "POST"
		}
	}
	if !slices.Contains(gateway.Methods(), made.method) {
		return nil, errors.New("the relay passes GET, POST, PUT, PATCH and DELETE only")
	}
	return made, nil
}
