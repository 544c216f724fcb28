package credential

import (
	"context"
	"errors"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// ErrSessionCheck says that a session token cannot be checked now.
var ErrSessionCheck = errors.New("the session check cannot be made")

// CheckSession checks a record's session token as the destination's
// x-keyrelay-session says. The error is a *gateway.Refusal with the reason
// ErrSessionCheck when the check cannot be made.
func (s *Store) CheckSession(_ context.Context, d *destination.Destination, _ string) error {
	return &gateway.Refusal{Reason: ErrSessionCheck, Detail: "Sessions of " + d.Title + " cannot be checked yet."}
}
