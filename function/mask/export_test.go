package mask

// SameKey reports whether two Maskers look for their values under one key.
func SameKey(a, b *Masker) bool { return a.hash == b.hash }
