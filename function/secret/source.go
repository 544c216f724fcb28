package secret

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"keyrelay/function/destination"
)

// maxSecretBytes is the size of the largest secret: the limit of Secrets Manager,
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html.
const maxSecretBytes = 65_536

// A source reads and writes a secret where it is kept, whole; the reference has no
// pointer. The errors are a *gateway.Refusal with the reason ErrUnavailable.
type source interface {
	read(ctx context.Context, reference destination.Reference) ([]byte, error)
	// write replaces the secret whole.
	write(ctx context.Context, reference destination.Reference, content []byte) error
}

// environment is the source of env: references.
type environment struct {
	// changed are variables that were written, by name.
	changed sync.Map
}

func (e *environment) read(_ context.Context, reference destination.Reference) ([]byte, error) {
	if changed, ok := e.changed.Load(reference.Name); ok {
		text, _ := changed.(string)
		return []byte(text), nil
	}
	value, ok := os.LookupEnv(reference.Name)
	if !ok {
		return nil, unavailable(reference, "is not set. Set that environment variable where keyrelay runs.", ErrAbsent)
	}
	return []byte(value), nil
}

// files is the source of file: references.
type files struct{}

func (files) read(_ context.Context, reference destination.Reference) ([]byte, error) {
	file, err := openRegular(reference.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unavailable(reference, fileProblem(err), ErrAbsent)
	}
	if err != nil {
		return nil, unavailable(reference, fileProblem(err), err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, int64(maxSecretBytes+maxWrapping+1)))
	if err != nil {
		return nil, unavailable(reference, fileProblem(err), err)
	}
	return content, nil
}

// errNotRegular says that a path names something that has no end or waits for a
// writer, such as a pipe.
var errNotRegular = errors.New("not a regular file")

func openRegular(name string) (*os.File, error) {
	information, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	// A link must not lead where a document may not, either.
	if target, err := filepath.EvalSymlinks(name); err != nil || madeUp(target) || !information.Mode().IsRegular() {
		return nil, errNotRegular
	}
	return os.Open(name)
}

// madeUp reports whether a path lies below what the kernel makes up.
func madeUp(name string) bool {
	absolute, err := filepath.Abs(name)
	return err != nil || slices.ContainsFunc([]string{"/proc/", "/sys/", "/dev/"}, func(folder string) bool { return strings.HasPrefix(absolute, folder) })
}

func fileProblem(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist. Put the file there, or fix the path in the document."
	case errors.Is(err, fs.ErrPermission):
		return "cannot be opened. Let the user that keyrelay runs as read that file."
	case errors.Is(err, errNotRegular):
		return "is not a file. Name a regular file that holds the secret."
	}
	return "cannot be read. Look at the file and the disk that holds it."
}
