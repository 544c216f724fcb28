package secret_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

const before, after = `{"person": {"id": 1.0, "refresh_token": "r-1"}, "more": [ ]}`, `{"person": {"id": 1.0, "refresh_token": "r-2"}, "more": [ ]}`

func mustWrite(t *testing.T, store *secret.Store, reference destination.Reference) {
	t.Helper()
	if err := store.WriteMember(t.Context(), reference, "refresh_token", "r-2"); err != nil {
		t.Fatal(err)
	}
}

func mustHold(t *testing.T, store *secret.Store, reference destination.Reference, want string) {
	t.Helper()
	reference.Pointer = ""
	if read, err := store.Value(t.Context(), reference); err != nil || string(read.Bytes()) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestWriteMember changes one member wherever a secret is kept, and nothing else of it.
func TestWriteMember(t *testing.T) {
	e := fake.NewSecrets(map[string]string{"keyrelay/it": before})
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KEYRELAY_TEST_SET", before)
	store := newStore(e)
	for _, reference := range []destination.Reference{
		managed("keyrelay/it", "/person"), {Provider: "file", Name: file, Pointer: "/person"}, {Provider: "env", Name: "KEYRELAY_TEST_SET", Pointer: "/person"},
	} {
		mustWrite(t, store, reference)
		mustHold(t, store, reference, after)
		mustHold(t, newStore(e), reference, map[bool]string{false: after, true: before}[reference.Provider == "env"])
	}
	if e.Value("keyrelay/it") != after {
		t.Errorf("Secrets Manager holds %s", e.Value("keyrelay/it"))
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("%v are left", left)
	}
	if status, err := os.Stat(file); err != nil || status.Mode().Perm() != 0o600 {
		t.Errorf("its rights are %v", status.Mode())
	}
}

// TestWriteThroughLink writes into the file that a symbolic link leads to: a copy of the secret
// beside the link would be in a place that nobody chose for it.
func TestWriteThroughLink(t *testing.T) {
	file, link := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "link")
	if os.WriteFile(file, []byte(before), 0o600) != nil || os.Symlink(file, link) != nil {
		t.Fatal("no link")
	}
	mustWrite(t, newStore(nil), destination.Reference{Provider: "file", Name: link, Pointer: "/person"})
	if content, err := os.ReadFile(file); err != nil || string(content) != after {
		t.Errorf("the file holds %s, %v", content, err)
	}
	if target, err := os.Readlink(link); err != nil || target != file {
		t.Errorf("the link leads to %q, %v", target, err)
	}
}

// TestWriteFails keeps what could not be written, says what to allow, and writes it
// when the secret is read the next time, unless somebody else has changed it.
func TestWriteFails(t *testing.T) {
	for changed, want := range map[string]string{"": after, `{"changed": 1}`: `{"changed": 1}`} {
		synctest.Test(t, func(t *testing.T) {
			e := fake.NewSecrets(map[string]string{"keyrelay/it": before})
			store, reference := newStore(e), managed("keyrelay/it", "/person")
			e.FailWrites(fake.Fault("AccessDeniedException", http.StatusBadRequest))
			if err := store.WriteMember(t.Context(), reference, "refresh_token", "r-2"); !errors.Is(err, secret.ErrUnavailable) {
				t.Fatal(err)
			}
			mustHold(t, store, reference, after)
			time.Sleep(5 * time.Minute)
			mustHold(t, store, reference, after)
			if e.FailWrites(nil); changed != "" {
				e.Put("keyrelay/it", changed)
			}
			time.Sleep(5 * time.Minute)
			mustHold(t, store, reference, want)
			if e.Value("keyrelay/it") != want {
				t.Errorf("Secrets Manager holds %s", e.Value("keyrelay/it"))
			}
		})
	}
}

// TestWriteReadOnlyFile says which right is missing.
func TestWriteReadOnlyFile(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "secret")
	if os.WriteFile(file, []byte(before), 0o600) != nil || os.Chmod(folder, 0o500) != nil {
		t.Fatal("no folder")
	}
	err := newStore(nil).WriteMember(t.Context(), destination.Reference{Provider: "file", Name: file, Pointer: "/person"}, "refresh_token", "r-2")
	if !errors.Is(err, secret.ErrUnavailable) {
		t.Error(err)
	}
}

// TestWriteNowhere says so where the reference leads through what is no object, and loses nothing silently.
func TestWriteNowhere(t *testing.T) {
	const list = `{"people": [{"id": 1}], "key": "a text"}`
	e := fake.NewSecrets(map[string]string{"keyrelay/it": list})
	store := newStore(e)
	for _, pointer := range []rawjson.Pointer{"/people/1", "/people/0/id", "/key", "/people"} {
		if err := store.WriteMember(t.Context(), managed("keyrelay/it", pointer), "refresh_token", "r-2"); !errors.Is(err, secret.ErrUnavailable) {
			t.Errorf("%s: %v", pointer, err)
		}
	}
	if e.Value("keyrelay/it") != list {
		t.Errorf("Secrets Manager holds %s", e.Value("keyrelay/it"))
	}
	const written = `{"people": [{"id": 1,"refresh_token":"r-2"}], "key": "a text"}`
	if err := store.WriteMember(t.Context(), managed("keyrelay/it", "/people/0"), "refresh_token", "r-2"); err != nil || e.Value("keyrelay/it") != written {
		t.Errorf("Secrets Manager holds %s (%v)", e.Value("keyrelay/it"), err)
	}
}
