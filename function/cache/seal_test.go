package cache_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"

	"keyrelay/function/fake"
)

// TestKeys opens nothing that was sealed with another key, and takes a rotated one at once.
func TestKeys(t *testing.T) {
	for _, test := range []struct {
		name     string
		keys     []string
		value    string
		unshared string
	}{
		{"the same", []string{firstKey}, "value 1", ""},
		{"rotated", []string{secondKey, firstKey}, "value 1", ""},
		{"another", []string{secondKey}, "value 2", "item-does-not-open"},
		{"none", nil, "value 2", "key-unavailable"},
		{"short", []string{strings.Repeat("x", 31)}, "value 2", "key-too-short"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table, m := fake.NewTable(), maker{}
				if value, _, _ := m.share(t.Context(), instance(table, firstKey), "id"); value != "value 1" {
					t.Fatalf("first %q", value)
				}
				if value, unshared, err := m.share(t.Context(), instance(table, test.keys...), "id"); value != test.value || unshared != test.unshared || err != nil {
					t.Errorf("%q, %q, %v", value, unshared, err)
				}
			})
		})
	}
}

// TestSealed shows nothing of a value, opens under no other id, and not once a bit has changed.
func TestSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, m := fake.NewTable(), maker{}
		for _, id := range []string{"one", "two"} {
			_, _, _ = m.share(t.Context(), instance(table, firstKey), id)
		}
		one, two := table.Items()["one"], table.Items()["two"]
		sealed, err := base64.StdEncoding.DecodeString(one["sealed"]["B"])
		if err != nil || bytes.Contains(sealed, []byte("value")) {
			t.Errorf("sealed as %q, %v", sealed, err)
		}
		if again := instance(table, firstKey); again.Look(t.Context(), "three", func([]byte) bool { return true }) {
			t.Error("an item that there is not opens")
		}
		looks := func(id string) bool {
			return instance(table, firstKey).Look(t.Context(), id, func([]byte) bool { return true })
		}
		if !looks("one") || !looks("two") {
			t.Error("an item as it was does not open")
		}
		one["sealed"], two["sealed"] = two["sealed"], one["sealed"]
		table.Put("one", one)
		table.Put("two", two)
		if looks("one") || looks("two") {
			t.Error("a swapped item opens")
		}
		for at := range sealed {
			changed := bytes.Clone(sealed)
			changed[at] ^= 1
			one["sealed"] = map[string]string{"B": base64.StdEncoding.EncodeToString(changed)}
			if table.Put("one", one); looks("one") {
				t.Errorf("it opens with byte %d changed", at)
			}
		}
	})
}

// FuzzSealed opens nothing but what was sealed.
func FuzzSealed(f *testing.F) {
	table, m := fake.NewTable(), maker{}
	_, _, _ = m.share(f.Context(), instance(table, firstKey), "id")
	item := table.Items()["id"]
	sealed, _ := base64.StdEncoding.DecodeString(item["sealed"]["B"])
	for _, seed := range [][]byte{sealed, sealed[:len(sealed)-1], sealed[:12], nil, make([]byte, 28)} {
		f.Add(seed)
	}
	reader := instance(table, firstKey)
	f.Fuzz(func(t *testing.T, content []byte) {
		item["sealed"] = map[string]string{"B": base64.StdEncoding.EncodeToString(content)}
		table.Put("id", item)
		reader.Look(t.Context(), "id", func(value []byte) bool {
			if string(value) != "value 1" {
				t.Errorf("%x opens as %q", content, value)
			}
			return true
		})
	})
}
