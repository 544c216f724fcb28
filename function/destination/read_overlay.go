package destination

import (
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
	"go.yaml.in/yaml/v4"
)

// The most values that a document, and one value of an overlay, may have once what
// their aliases stand for is written out, so that an overlay changes each place by itself.
const (
	maxOverlaidNodes = 5_000_000
	maxUpdateNodes   = 100_000
)

// An overlay is an OpenAPI Overlay document (https://spec.openapis.org/overlay/v1.1.0.html):
// what an operator adds to a vendor's document without editing it.
type overlay struct {
	// reader holds the file and what is wrong with it.
	reader *reader
	// document is the file name that extends gives; empty if it gives none.
	document string
	// extended says that it is of version 1.1: a list that is added to a list adds its
	// entries, where 1.0 adds it as one, and what is no object or list can be replaced.
	extended bool
	actions  []action
	// used says that there is a document that it is for.
	used bool
}

// An action changes what its target selects.
type action struct {
	target *jsonpath.Path
	// at is where the target stands.
	at     *yaml.Node
	update *yaml.Node
	// copy selects what is taken for the update; nil if update says it.
	copy *jsonpath.Path
	// file is the one that the update stands in.
	file   string
	remove bool
}

func isOverlay(file string) bool {
	return strings.HasSuffix(nameOf(file), ".overlay")
}

// readOverlay reads an overlay. What is wrong with it is noted in its reader.
func readOverlay(file string, config Config) *overlay {
	o := &overlay{reader: newReader(file, config)}
	r := o.reader
	if !r.parse() || !r.checkMappings(r.root, 0) {
		return o
	}
	const what = "the overlay"
	version, at := r.required(r.root, "overlay", what, "write overlay: 1.0.0 at the top")
	o.extended = strings.HasPrefix(version+".", "1.1.")
	if at != nil && !o.extended && !strings.HasPrefix(version+".", "1.0.") {
		r.fault(at, "the version of the overlay is not 1.0 or 1.1", "write overlay: 1.1.0 and what belongs to it")
		return o
	}
	r.onlyKnown(r.root, what, "overlay", "info", "extends", "actions", "x-*")
	o.extends()
	actions := r.items(r.member(r.root, "actions"), "actions")
	if len(actions) == 0 {
		r.fault(r.root, what+" has no actions", "write actions: with a target and an update, or remove: true")
	}
	for _, each := range actions {
		o.action(each)
	}
	return o
}

// extends reads which document an overlay is for. A URL elsewhere says where the
// document came from; then the overlay's own name counts.
func (o *overlay) extends() {
	r := o.reader
	node := r.member(r.root, "extends")
	text, ok := r.text(node, "extends")
	if !ok {
		return
	}
	reference, err := url.Parse(text)
	switch {
	case err != nil || reference.Path == "" && reference.Host == "":
		r.fault(node, "extends is not a URL", "write the file name of the document, or leave extends out")
	case !reference.IsAbs() && reference.Host == "":
		o.document = path.Base(reference.Path)
	}
}

func (o *overlay) action(node *yaml.Node) {
	const what = "this action"
	r := o.reader
	if !r.mapping(node, what) {
		return
	}
	r.onlyKnown(node, what, "target", "description", "update", "copy", "remove", "x-*")
	target, at := r.required(node, "target", what, "write a JSONPath such as $.servers[0]")
	if at == nil {
		return
	}
	made := action{at: at, file: r.file, target: o.path(at, "the target", target), update: r.member(node, "update"), remove: r.boolean(node, "remove", false)}
	source := r.member(node, "copy")
	if text, ok := r.text(source, "copy"); ok {
		made.copy = o.path(source, "copy", text)
	}
	switch {
	case made.copy != nil && !o.extended:
		r.fault(source, "copy is no member of version 1.0", "write overlay: 1.1.0 at the top")
		return
	case made.target == nil || source != nil && made.copy == nil:
		return
	case made.remove && target == "$":
		r.fault(at, "the target is the whole document, which cannot be removed", "remove the document's file")
		return
	case !made.remove && made.update == nil && made.copy == nil:
		r.fault(node, what+" changes nothing", "write update: with what to add, or remove: true")
		return
	case made.update != nil && made.copy != nil:
		r.fault(node, what+" has both update and copy", "write them as two actions")
		return
	}
	o.actions = append(o.actions, made)
}

// path reads a JSONPath, which is what of an action; nil means that a fault was noted.
func (o *overlay) path(node *yaml.Node, what, text string) *jsonpath.Path {
	parsed, err := jsonpath.Parse(text)
	if err != nil {
		o.reader.fault(node, what+" is not a JSONPath: "+printable(strings.TrimPrefix(err.Error(), "jsonpath: ")), "write it by RFC 9535, such as $.paths['/orders'].get; a name with a hyphen stands in quotes too")
		return nil
	}
	return parsed
}

// isFor reports whether an overlay is for a document.
func (o *overlay) isFor(file string) bool {
	if o.document != "" {
		return o.document == filepath.Base(file)
	}
	return nameOf(o.reader.file) == nameOf(file)+".overlay"
}

// apply changes a document by the actions of an overlay, each after the one before it.
func (o *overlay) apply(r *reader) {
	o.used = true
	if filepath.Ext(r.file) != ".json" && len(r.origins) == 0 { // else an overlay before this one has done so
		written, ok := unshared(r.root, maxOverlaidNodes)
		if !ok {
			r.fault(r.root, "the aliases of this document stand for too much", "write what they stand for, without aliases that hold each other")
			return
		}
		r.root = written
	}
	plain := plainValue(r.root)
	for _, each := range o.actions {
		selected := each.target.SelectLocated(plain).Deduplicate()
		selected.Sort()
		if len(selected) == 0 {
			o.reader.fault(each.at, "the target selects nothing in "+filepath.Base(r.file), "write the path of something that the document has")
			continue
		}
		if each.copy != nil && !each.remove && !o.source(r, &each, plain) {
			continue
		}
		o.change(r, each, selected)
		plain = refreshed(plain, r.root, selected)
	}
}

// source makes what an action copies its update. false means that a fault was noted.
func (o *overlay) source(r *reader, by *action, plain any) bool {
	found := by.copy.SelectLocated(plain).Deduplicate()
	if len(found) != 1 {
		o.reader.fault(by.at, "copy selects "+strconv.Itoa(len(found))+" places in "+filepath.Base(r.file), "write the path of one")
		return false
	}
	node := nodeAt(r.root, found[0].Path)
	by.update, by.file = o.copied(r, node, r.place(node).File), r.place(node).File
	return true
}

// change changes what an action has selected. The nodes are found before the first
// of them is changed, since that moves the others.
func (o *overlay) change(r *reader, by action, selected jsonpath.LocatedNodeList) {
	nodes, parents := make([]*yaml.Node, len(selected)), make([]*yaml.Node, len(selected))
	for i, each := range selected {
		nodes[i], parents[i] = nodeAt(r.root, each.Path), r.root
		if last := len(each.Path) - 1; last >= 0 {
			parents[i] = nodeAt(r.root, each.Path[:last])
		}
	}
	for i, node := range nodes {
		if by.remove {
			removeFrom(parents[i], node)
		} else {
			o.update(r, node, by)
		}
	}
}

// refreshed returns what a JSONPath is evaluated on after a change: where one place
// was changed, the value around it is made anew, else all.
func refreshed(plain any, root *yaml.Node, changed jsonpath.LocatedNodeList) any {
	steps := changed[0].Path
	if len(changed) > 1 || len(steps) < 2 {
		return plainValue(root)
	}
	steps = steps[:len(steps)-1]
	last := len(steps) - 1
	around, value := valueAt(plain, steps[:last]), plainValue(nodeAt(root, steps))
	switch step := steps[last].(type) {
	case spec.Name:
		around.(map[string]any)[string(step)] = value
	case spec.Index:
		around.([]any)[step] = value
	}
	return plain
}

func valueAt(value any, steps spec.NormalizedPath) any {
	for _, step := range steps {
		switch step := step.(type) {
		case spec.Name:
			value = value.(map[string]any)[string(step)]
		case spec.Index:
			value = value.([]any)[step]
		}
	}
	return value
}

// update merges an action's update into a node: members into an object, an entry into a list.
func (o *overlay) update(r *reader, node *yaml.Node, by action) {
	switch {
	case node.Kind == yaml.SequenceNode && by.update.Kind == yaml.SequenceNode && o.extended:
		for _, entry := range by.update.Content {
			node.Content = append(node.Content, o.copied(r, entry, by.file))
		}
	case node.Kind == yaml.SequenceNode:
		node.Content = append(node.Content, o.copied(r, by.update, by.file))
	case node.Kind == yaml.ScalarNode && by.update.Kind == yaml.ScalarNode && o.extended:
		*node = *by.update
		r.comesFrom(node, by.file)
	case node.Kind != yaml.MappingNode:
		o.reader.fault(by.at, "the target selects neither an object nor a list", "select the object around it, and write the member into update")
	case by.update.Kind != yaml.MappingNode && by.copy != nil:
		o.reader.fault(by.at, "copy selects no object, and the target does", "write the path of an object in copy")
	case by.update.Kind != yaml.MappingNode:
		o.reader.fault(by.update, "the update of an object is not a mapping", "write the members to add as name: value")
	default:
		o.merge(r, node, by.update, by.file)
	}
}

// merge merges the members of an update into an object: objects by their members,
// lists by adding entries; anything else is replaced.
func (o *overlay) merge(r *reader, target, update *yaml.Node, file string) {
	for i := 0; i+1 < len(update.Content); i += 2 {
		name, value := update.Content[i], resolve(update.Content[i+1])
		at := indexOf(target, name.Value)
		if at < 0 {
			target.Content = append(target.Content, o.copied(r, name, file), o.copied(r, value, file))
			continue
		}
		switch old := target.Content[at]; {
		case old.Kind == yaml.MappingNode && value.Kind == yaml.MappingNode:
			o.merge(r, old, value, file)
		case old.Kind == yaml.SequenceNode && value.Kind == yaml.SequenceNode:
			for _, entry := range value.Content {
				old.Content = append(old.Content, o.copied(r, entry, file))
			}
		default:
			target.Content[at-1], target.Content[at] = o.copied(r, name, file), o.copied(r, value, file)
		}
	}
}

// copied returns a copy of a value of a file. Mistakes in it are reported at its place there.
func (o *overlay) copied(r *reader, node *yaml.Node, file string) *yaml.Node {
	made, ok := unshared(node, maxUpdateNodes)
	if !ok {
		o.reader.fault(node, "this value is too large", "write a value without aliases that hold each other")
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: node.Line, Column: node.Column}
	}
	r.comesFrom(made, file)
	return made
}

// comesFrom notes the file that a value comes from.
func (r *reader) comesFrom(node *yaml.Node, file string) {
	r.origins[node] = file
	for _, child := range node.Content {
		r.comesFrom(child, file)
	}
}

// unshared returns a copy of a value in which every alias is what it stands for; ok
// is false if that are more values than most.
func unshared(node *yaml.Node, most int) (written *yaml.Node, ok bool) {
	var write func(node *yaml.Node, depth int) *yaml.Node
	write = func(node *yaml.Node, depth int) *yaml.Node {
		if most--; most < 0 || depth > maxDepth {
			most = -1
			return node
		}
		made := *resolve(node)
		made.Anchor = ""
		made.Content = make([]*yaml.Node, len(made.Content))
		for i, child := range resolve(node).Content {
			made.Content[i] = write(child, depth+1)
		}
		return &made
	}
	written = write(node, 0)
	return written, most >= 0
}

func removeFrom(parent, node *yaml.Node) {
	at := slices.Index(parent.Content, node)
	switch {
	case at < 0: // its parent has been removed
	case parent.Kind == yaml.MappingNode:
		parent.Content = slices.Delete(parent.Content, at-1, at+1)
	default:
		parent.Content = slices.Delete(parent.Content, at, at+1)
	}
}

// nodeAt follows a normalized path (RFC 9535 section 2.7) that plainValue's result has.
func nodeAt(node *yaml.Node, steps spec.NormalizedPath) *yaml.Node {
	for _, step := range steps {
		switch step := step.(type) {
		case spec.Name:
			node = node.Content[indexOf(node, string(step))]
		case spec.Index:
			node = node.Content[step]
		}
	}
	return node
}

// plainValue returns what a JSONPath is evaluated on.
func plainValue(node *yaml.Node) any {
	switch node.Kind {
	case yaml.MappingNode:
		object := make(map[string]any, len(node.Content)/2)
		for i := 0; i+1 < len(node.Content); i += 2 {
			object[node.Content[i].Value] = plainValue(node.Content[i+1])
		}
		return object
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, child := range node.Content {
			list[i] = plainValue(child)
		}
		return list
	}
	switch node.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(node.Value, "true")
	case "!!int", "!!float":
		if number, err := strconv.ParseFloat(node.Value, 64); err == nil {
			return number
		}
	}
	return node.Value
}
