package e2e

import "io"

// A slowBody gives its second part only when it is told to finish.
type slowBody struct {
	first, second string
	begun, finish chan struct{}
	parts         int
}

func newSlowBody(first, second string) *slowBody {
	return &slowBody{first: first, second: second, begun: make(chan struct{}), finish: make(chan struct{})}
}

// Read gives one part at a time.
func (b *slowBody) Read(into []byte) (int, error) {
	b.parts++
	switch b.parts {
	case 1:
		return copy(into, b.first), nil
	case 2:
		close(b.begun)
		<-b.finish
		return copy(into, b.second), nil
	}
	return 0, io.EOF
}

// Close does nothing: there is nothing to give back.
func (b *slowBody) Close() error { return nil }
