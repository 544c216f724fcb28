package destination

// A Pointer is a JSON Pointer (RFC 6901): empty for the whole document, or
// reference tokens that each begin with "/".
type Pointer string
