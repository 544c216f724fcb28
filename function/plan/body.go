package plan

// setBody decides what is sent of a body, and makes the header agree with it.
func (o *outbound) setBody(body []byte) {
	r := &o.record
	switch {
	case o.reshapes:
		o.Body = r.reshape(o.Operation.Body)
		if o.DryRun {
			o.Dropped = r.dropped(o.Operation.Body)
		}
	case r.taken > 0 && o.sendsNothing():
		delete(o.Header, "Content-Type")
		delete(o.Header, "Content-Encoding")
	case r.taken > 0:
		o.Body = r.rest()
	case len(body) > 0:
		o.Body = body
	}
	if r.taken > 0 || o.reshapes {
		// These speak of the bytes that the caller sent (RFC 9530, RFC 1864).
		for _, digest := range [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
			delete(o.Header, digest)
		}
	}
	if _, given := o.Header["Content-Type"]; !given && o.Body != nil && (r.text != nil || o.reshapes) {
		o.Header["Content-Type"] = []string{"application/json"}
	}
}
