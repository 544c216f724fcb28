package main

import (
	"cmp"
	"encoding/json"
	"net/url"
	"strings"

	"keyrelay/function/rawjson"
)

// body makes the record of the body, and returns its fields: nil where it is no object.
func (p *proposal) body(command *curlCommand) []string {
	body := command.body
	var object rawjson.Object
	switch {
	case body == "":
		p.Trial.Record = "{}"
		return []string{}
	case object.Read([]byte(body)) == nil:
		p.form = false
		return p.jsonBody(&object, body)
	case json.Valid([]byte(body)):
		p.form = false
		p.Trial.Record = body
		p.Notes = append(p.Notes, "The body is no JSON object. The relay takes an array as a batch where the document says x-keyrelay-batch, and no field of it moves.")
		return nil
	case strings.HasPrefix(strings.TrimSpace(body), "{"), strings.HasPrefix(strings.TrimSpace(body), "["):
		p.form = false
		mistake := "it is not JSON from somewhere on"
		if fault := rawjson.FaultOf([]byte(body)); fault != nil {
			mistake = cmp.Or(rawjson.Mistake([]byte(body), fault.At), mistake)
		}
		p.Trial.Record = "{}"
		p.Notes = append(p.Notes, "The body begins as JSON and is none, so it was left out: "+mistake+".")
		return []string{}
	case p.Trial.Headers == "" || !strings.Contains(strings.ToLower(p.Trial.Headers), "content-type:"):
		return p.formBody(body)
	}
	p.Notes = append(p.Notes, "The body is neither JSON nor a form, so it was left out: a record is JSON. The relay passes other bodies on untouched where no field is to move.")
	return nil
}

// jsonBody takes a JSON object as the record, without the members that may be secrets.
func (p *proposal) jsonBody(object *rawjson.Object, body string) []string {
	names, kept := []string{}, []string{}
	for i := range object.Len() {
		if name := object.Name(i); mayBeSecret(name) {
			p.secretMember(name)
		} else {
			names = append(names, name)
			kept = append(kept, string(object.Member(i).Of([]byte(body))))
		}
	}
	p.Trial.Record = body
	if len(names) < object.Len() {
		p.Trial.Record = "{" + strings.Join(kept, ", ") + "}"
	}
	if hidden := hideSecrets(p.Trial.Record); hidden != p.Trial.Record {
		p.Trial.Record = hidden
		p.Notes = append(p.Notes, "Texts deeper in the body that may be secrets were replaced by "+secretGap+".")
	}
	return names
}

// secretMember takes a member of the body that may be a secret.
func (p *proposal) secretMember(name string) {
	p.key(name, "header", string(rawjson.PointerTo(name)), "x-keyrelay-in: body")
}

// hideSecrets replaces texts in objects within a record whose names may be those of secrets.
func hideSecrets(record string) string {
	decoder := json.NewDecoder(strings.NewReader(record))
	decoder.UseNumber()
	var secrets []string
	var walk func(value any)
	walk = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for name, member := range value {
				if text, isText := member.(string); isText && text != "" && mayBeSecret(name) {
					secrets = append(secrets, text)
				}
				walk(member)
			}
		case []any:
			for _, element := range value {
				walk(element)
			}
		}
	}
	var whole any
	if decoder.Decode(&whole) != nil {
		return record
	}
	walk(whole)
	if len(secrets) == 0 {
		return record
	}
	hidden := encodeJSON(whole, "")
	for _, each := range secrets {
		hidden = strings.ReplaceAll(hidden, quoteJSON(each), quoteJSON(secretGap))
	}
	return hidden
}

// formBody makes a record of a form.
func (p *proposal) formBody(body string) []string {
	p.form = true
	names, members, ok := pairs(body, p.secretMember)
	if !ok {
		p.Trial.Record = "{}"
		p.Notes = append(p.Notes, "The body is no form that a JSON record could be sent as, so it was left out.")
		return names
	}
	p.Trial.Record = "{" + strings.Join(members, ", ") + "}"
	return names
}

// pairs reads name=value pairs; a name that occurs more than once is an array.
func pairs(text string, secret func(name string)) (names, members []string, ok bool) {
	values := map[string][]string{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil || name == "" {
			return nil, nil, false
		}
		if mayBeSecret(name) {
			secret(name)
			continue
		}
		if values[name] == nil {
			names = append(names, name)
		}
		values[name] = append(values[name], value)
	}
	for _, name := range names {
		if list := values[name]; len(list) == 1 {
			members = append(members, quoteJSON(name)+": "+quoteJSON(list[0]))
		} else {
			members = append(members, quoteJSON(name)+": "+encodeJSON(list, ""))
		}
	}
	return names, members, true
}
