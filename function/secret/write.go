package secret

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// unwritten holds what could not be written yet, so that it is not lost while this
// process lives: contents by whole references, with what they replace.
type unwritten struct {
	mutex    sync.Mutex
	contents map[destination.Reference]replacement
}

type replacement struct {
	before, after Secret
}

// WriteMember changes one text member of the JSON object that a reference names, where the
// secret is stored, and leaves everything else unchanged. From then on, even if the write
// fails, Get returns the changed secret. A failed write is repeated whenever the secret is
// read, unless someone else has changed it. An environment variable changes only in this
// process. The error is a *gateway.Refusal with the reason ErrUnavailable.
func (s *Store) WriteMember(ctx context.Context, reference destination.Reference, name, text string) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	key := whole(reference)
	version, life, err := s.read(ctx, key, nil)
	if err != nil {
		return err
	}
	before := version.bytes
	value := rawjson.Encode(text)
	changed := rawjson.WithMember(before(), append(reference.Pointer.Tokens(), name), value)
	if bytes.Equal(changed, before()) {
		if kept, _ := (reference.Pointer + rawjson.PointerTo(name)).Find(changed); !bytes.Equal(kept, value) {
			return unavailable(reference, "cannot be given the member "+name+": the part of the reference from # on leads through what is no JSON object. Point it to an object in objects.", nil)
		}
		return nil
	}
	after := &Version{bytes: func() []byte { return changed }}
	err = s.sources[key.Provider].write(ctx, key, changed)
	s.unwritten.mutex.Lock()
	defer s.unwritten.mutex.Unlock()
	if waiting, ok := s.unwritten.contents[key]; ok {
		before = waiting.before
	}
	if delete(s.unwritten.contents, key); err != nil {
		s.unwritten.contents[key] = replacement{before, after.bytes}
	}
	s.kept.Put(key, after, life)
	return err
}

// pending returns what is to be written in the place of a content, once it is tried
// again, or the content itself.
func (s *Store) pending(ctx context.Context, reference destination.Reference, content []byte) []byte {
	s.unwritten.mutex.Lock()
	defer s.unwritten.mutex.Unlock()
	waiting, ok := s.unwritten.contents[reference]
	if !ok {
		return content
	}
	if !bytes.Equal(content, waiting.before()) {
		delete(s.unwritten.contents, reference)
		return content
	}
	if s.sources[reference.Provider].write(ctx, reference, waiting.after()) == nil {
		delete(s.unwritten.contents, reference)
	}
	return waiting.after()
}

// write changes the variable for this process alone.
func (e *environment) write(_ context.Context, reference destination.Reference, content []byte) error {
	e.changed.Store(reference.Name, string(content))
	return nil
}

// write replaces the file at once, by a rename, so that nobody reads half of it.
func (files) write(_ context.Context, reference destination.Reference, content []byte) error {
	if err := ReplaceFile(reference.Name, content); err != nil {
		return unavailable(reference, "cannot be written: its scheme has a refresh token that changes. Let the user that keyrelay runs as write that file and its folder.", err)
	}
	return nil
}

// ReplaceFile replaces the content of a file at once, and leaves who may read it as it was. Of
// a symbolic link it is the file that the link leads to: that place was chosen for a secret.
func ReplaceFile(name string, content []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	made, err := os.CreateTemp(filepath.Dir(name), ".keyrelay-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(made.Name()) }()
	if status, statErr := os.Stat(name); statErr == nil {
		_ = made.Chmod(status.Mode().Perm())
	}
	_, err = made.Write(content)
	if err = cmp.Or(err, made.Sync(), made.Close()); err != nil {
		return err
	}
	return os.Rename(made.Name(), name)
}

// write makes a new current version.
func (s *secretsManager) write(ctx context.Context, reference destination.Reference, content []byte) error {
	client, err := s.client.Get(ctx, s.connect)
	if err == nil {
		_, err = client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String(reference.Name), SecretString: aws.String(string(content))}, limit)
	}
	if err != nil {
		return unavailable(reference, "cannot be written: its scheme has a refresh token that changes. Allow the role that keyrelay runs as secretsmanager:PutSecretValue on it.", err)
	}
	return nil
}
