package plan

import (
	"testing"

	"keyrelay/function/rawjson"
)

// FuzzCursor compares the record's scanner with rawjson, which takes its place:
// what is accepted, the place of every member, and which one a name finds. It goes
// when the scanner goes.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[true,false,null,-0.1e+5],"c":{"d":"\ud83d\ude00\ud800\n"}}`, ` { } `, `{"a":1,"\u0061":2}`, `{"a":{"b":1,"\u0062":2}}`, `[{}]`, `[1] x`, `{"a":"\u00"}`, "{\"\x7f\":\"\xff\"}",
		`{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"10":0,"11":0,"12":0,"13":0,"14":0,"15":0,"16":0,"17":0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		old := record{scanner: scanner{limit: maxDepth}, session: -1}
		var object rawjson.Object
		oldErr, err := old.scan(text), object.Read(text)
		if (oldErr == nil) != (err == nil) {
			t.Fatalf("got %v, want %v", err, oldErr)
		}
		if err != nil {
			return
		}
		if object.Len() != len(old.members) {
			t.Fatalf("%d members, want %d", object.Len(), len(old.members))
		}
		for i, m := range old.members {
			name := object.Name(i)
			if value := object.Value(i); value.Start != m.value.start || value.End != m.value.end || object.Member(i).Start != old.names[i].start-1 || object.Find(name) != old.find(name) {
				t.Errorf("member %d is %+v and %+v, found at %d; want %+v at %d", i, object.Member(i), value, object.Find(name), m.value, old.find(name))
			}
			compareScalars(t, value(m, text))
		}
	})
}

func value(m member, text []byte) []byte { return m.value.of(text) }

func compareScalars(t *testing.T, value []byte) {
	if !isFlat(value) {
		return
	}
	walk := scalarsOf(value)
	for got := range rawjson.Elements(value) {
		want := walk.next()
		gotText, gotWhole := rawjson.ScalarText(nil, got)
		wantText, wantWhole := scalarText(nil, want)
		if string(got) != string(want) || string(gotText) != string(wantText) || gotWhole != wantWhole {
			t.Errorf("got %q, which says %q (%v), want %q, %q (%v)", got, gotText, gotWhole, want, wantText, wantWhole)
		}
	}
	if walk.next() != nil {
		t.Errorf("%q has more elements", value)
	}
}
