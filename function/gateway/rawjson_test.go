package gateway

import (
	"testing"

	"keyrelay/function/rawjson"
)

// FuzzCursor compares the event's scanner with rawjson, which takes its place. It
// goes when the scanner goes.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":[true,false,null,-0.1e+5],"c":{"d":"\ud83d\ude00\ud800\n"}}`, `"\u00fc\"\ud83d\ude00 01234567"`, ` [ ] `, `{"a":1,"\u0061":2}`, `{"a":"\u00"}`, "\"\x7f\xff\"", "[1,]", "\"\x1f\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		old := scanner{data: text}
		c := rawjson.Cursor{AnyNames: true, Depth: maxDepth}
		c.Reset(text)
		oldValue, value := old.skip(), c.Skip()
		if sound := old.end(); sound != (c.End() == nil) || sound && string(oldValue) != string(value) {
			t.Fatalf("got %q (%v), want %q (%v)", value, c.End(), oldValue, sound)
		}
		old = scanner{data: text}
		c.Reset(text)
		want, got := old.text(), c.String()
		if old.end() && (string(want.raw) != string(got.Raw) || want.size != got.Size || string(want.appendTo(nil)) != string(got.Append(nil))) {
			t.Errorf("got %+v %q, want %+v %q", got, got.Append(nil), want, want.appendTo(nil))
		}
	})
}
