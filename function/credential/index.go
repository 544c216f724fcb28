package credential

import (
	"maps"
	"sync"
	"sync/atomic"
)

// An index is a map that is read for every request and grows a few times in all:
// its keys come from the operator's documents. Reading takes no lock.
type index[K comparable, V any] struct {
	mutex   sync.Mutex
	current atomic.Pointer[map[K]V]
}

// get returns the value of a key, the zero value where there is none.
func (i *index[K, V]) get(key K) V {
	if current := i.current.Load(); current != nil {
		return (*current)[key]
	}
	var none V
	return none
}

// put sets the value of a key.
func (i *index[K, V]) put(key K, value V) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.replace(key, value)
}

// getOrPut returns the value of a key; where there is none, that of make.
func (i *index[K, V]) getOrPut(key K, make func() V) V {
	if current := i.current.Load(); current != nil {
		if value, ok := (*current)[key]; ok {
			return value
		}
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if current := i.current.Load(); current != nil {
		if value, ok := (*current)[key]; ok {
			return value
		}
	}
	value := make()
	i.replace(key, value)
	return value
}

// replace publishes a copy of the map with one more value.
func (i *index[K, V]) replace(key K, value V) {
	next := map[K]V{}
	if current := i.current.Load(); current != nil {
		next = maps.Clone(*current)
	}
	next[key] = value
	i.current.Store(&next)
}
