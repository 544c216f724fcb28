package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"keyrelay/function/rawjson"
)

// document writes an OpenAPI document that lets through this operation and no other.
func (p *proposal) document(command *curlCommand) string {
	var text strings.Builder
	host := command.url.Host
	fmt.Fprintf(&text, "openapi: 3.1.0\ninfo: {title: %s, version: \"1\"}\nservers:\n  - url: %s\n", quoteYAML(host), quoteYAML(command.url.Scheme+"://"+host))
	if network := networkOf(command.url); network != "public" {
		fmt.Fprintf(&text, "x-keyrelay-network: %s\n", network)
	}
	if len(p.schemes) > 0 {
		names := make([]string, len(p.schemes))
		for i, each := range p.schemes {
			names[i] = quoteYAML(each.name) + ": []"
		}
		fmt.Fprintf(&text, "security:\n  - {%s}\ncomponents:\n  securitySchemes:\n", strings.Join(names, ", "))
		for _, each := range p.schemes {
			fmt.Fprintf(&text, "    %s:\n      %s\n", quoteYAML(each.name), strings.Join(each.lines, "\n      "))
			if each.secret != "" {
				fmt.Fprintf(&text, "      x-keyrelay-secret: %s\n", quoteYAML("secretsmanager:keyrelay/"+p.File+string("#"+rawjson.PointerTo(each.name))))
			}
		}
	}
	path := command.url.EscapedPath()
	if path == "" {
		path = "/"
	}
	fmt.Fprintf(&text, "paths:\n  %s:\n    %s:\n", quoteYAML(p.withKey(path)), strings.ToLower(command.method))
	if command.multipart {
		text.WriteString("      requestBody: {content: {multipart/form-data: {}}}\n")
	} else if p.form {
		text.WriteString("      requestBody: {content: {application/x-www-form-urlencoded: {}}}\n")
	}
	text.WriteString("      responses: {default: {description: \"\"}}\n")
	return text.String()
}

// networkOf says which network a document has to ask for.
func networkOf(target *url.URL) string {
	host := target.Hostname()
	address, err := netip.ParseAddr(host)
	switch {
	case host == "localhost" || err == nil && address.IsLoopback():
		return "loopback"
	case err == nil && address.IsPrivate() || target.Scheme == "http":
		return "private"
	}
	return "public"
}

// setSecret writes how the secrets are stored in one place, each with a gap.
func (p *proposal) setSecret() {
	var members []string
	for _, each := range p.schemes {
		if each.secret != "" {
			members = append(members, quoteJSON(each.name)+":"+each.secret)
		}
	}
	if len(members) == 0 {
		return
	}
	secret := "{" + strings.Join(members, ",") + "}"
	p.Secret = "aws secretsmanager create-secret --name keyrelay/" + p.File + " --secret-string '" + secret + "'"
	p.SecretFile = "{" + quoteJSON("keyrelay/"+p.File) + ": " + secret + "}"
}

// quoteYAML writes a text as YAML: as it is where nothing in it means anything, else in quotes as JSON has them.
func quoteYAML(text string) string {
	plain := text != "" && !strings.ContainsFunc(text, func(c rune) bool {
		return !isAlphanumeric(c) && !strings.ContainsRune("-_./:", c)
	})
	if plain && (unicode.IsLetter(rune(text[0])) || text[0] == '/') && !strings.HasSuffix(text, ":") &&
		!slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}, strings.ToLower(text)) {
		return text
	}
	return quoteJSON(text)
}

// quoteJSON writes a text as JSON.
func quoteJSON(text string) string { return encodeJSON(strings.ToValidUTF8(text, "\ufffd"), "") }

// encodeJSON writes what always has an encoding as JSON, < and > as they are, with a line for
// each member where there is an indent.
func encodeJSON(value any, indent string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", indent)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return strings.TrimSuffix(out.String(), "\n")
}
