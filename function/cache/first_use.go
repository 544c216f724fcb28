package cache

import (
	"context"
	"sync"
)

// A FirstUse makes something expensive when it is first needed, and tries again if that
// fails. The zero FirstUse is ready. It is safe for concurrent use.
type FirstUse[T any] struct {
	mutex sync.Mutex
	made  *T
}

// Get returns what was made, or the error of making it.
func (f *FirstUse[T]) Get(ctx context.Context, makeIt func(context.Context) (*T, error)) (*T, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.made == nil {
		made, err := makeIt(ctx)
		if err != nil {
			return nil, err
		}
		f.made = made
	}
	return f.made, nil
}
