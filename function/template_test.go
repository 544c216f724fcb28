package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// A template is the SAM template of this project.
type template struct {
	Parameters map[string]struct {
		Description   string   `yaml:"Description"`
		AllowedValues []string `yaml:"AllowedValues"`
		MaxLength     int      `yaml:"MaxLength"`
		MaxValue      string   `yaml:"MaxValue"`
	} `yaml:"Parameters"`
	Conditions map[string]yaml.Node `yaml:"Conditions"`
	Resources  map[string]struct {
		Condition  string               `yaml:"Condition"`
		Properties map[string]yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

// TestTemplateSettings holds the description of the function's versions, which makes
// CloudFormation publish one, against the parameters that the function is made of:
// each changes the description, or is one that a deploy with Release needs.
func TestTemplateSettings(t *testing.T) {
	text, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var read template
	if err := yaml.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	function := read.Resources["Relay"].Properties
	described := read.parameters(function["VersionDescription"], true)
	released := regexp.MustCompile(`[A-Z]\w+`).FindAllString(read.Parameters["Release"].Description, -1)
	for name, node := range function {
		switch name {
		case "ReservedConcurrentExecutions", "DeploymentPreference": // not of a version
			continue
		}
		for _, parameter := range read.parameters(node, false) {
			if !slices.Contains(described, parameter) && !slices.Contains(released, parameter) {
				t.Errorf("the function's %s is made of %s, which makes no version: put it into VersionDescription, or into the text of Release", name, parameter)
			}
		}
	}
	if longest := read.longest(t, function["VersionDescription"]); longest > 256 {
		t.Errorf("the description of a version can have %d characters, Lambda takes 256", longest)
	}
}

// parameters are the parameters that a value depends on, also by conditions and, if
// wanted, by what the resources that it names are made of.
func (m *template) parameters(node yaml.Node, resources bool) []string {
	var found []string
	named := []string{node.Value}
	switch node.Tag {
	case "!Sub":
		named = nil
		for _, match := range regexp.MustCompile(`\$\{(\w+)`).FindAllStringSubmatch(node.Value, -1) {
			named = append(named, match[1])
		}
		fallthrough
	case "!Ref":
		for _, name := range named {
			if _, isParameter := m.Parameters[name]; isParameter {
				found = append(found, name)
			} else if resource := m.Resources[name]; resources {
				found = append(found, m.parameters(m.Conditions[resource.Condition], true)...)
				for _, property := range resource.Properties {
					found = append(found, m.parameters(property, true)...)
				}
			}
		}
	case "!Condition":
		found = m.parameters(m.Conditions[node.Value], resources)
	case "!If":
		found = m.parameters(m.Conditions[node.Content[0].Value], resources)
	}
	for _, each := range node.Content {
		found = append(found, m.parameters(*each, resources)...)
	}
	return found
}

// longest is the most characters that a value can have.
func (m *template) longest(t *testing.T, node yaml.Node) int {
	t.Helper()
	switch node.Tag {
	case "!Join":
		parts := node.Content[1].Content
		sum := len(node.Content[0].Value) * (len(parts) - 1)
		for _, part := range parts {
			sum += m.longest(t, *part)
		}
		return sum
	case "!If":
		return max(m.longest(t, *node.Content[1]), m.longest(t, *node.Content[2]))
	case "!Ref":
		return m.longestReference(t, node.Value)
	}
	return len(node.Value)
}

func (m *template) longestReference(t *testing.T, name string) int {
	t.Helper()
	if strings.HasPrefix(name, "Key") {
		return 10 // the id of an API key
	}
	parameter := m.Parameters[name]
	longest := max(parameter.MaxLength, len(parameter.MaxValue))
	for _, value := range parameter.AllowedValues {
		longest = max(longest, len(value))
	}
	if longest == 0 {
		t.Errorf("nothing bounds the parameter %s", name)
	}
	return longest
}
