package plan

import "keyrelay/function/gateway"

// takeSession takes the session token out of the record, before anything else
// can name its field.
func (o *outbound) takeSession() error {
	session := o.Destination.Session
	if session == nil {
		return nil
	}
	r := &o.record
	index := r.find(session.Field)
	if index < 0 {
		return noSession(session.Field)
	}
	value := r.members[index].value.of(r.text)
	if value[0] != '"' {
		return noSession(session.Field)
	}
	token, whole := scalarText(nil, value)
	if !whole || len(token) == 0 {
		return noSession(session.Field)
	}
	r.take(index)
	r.session = index
	held := string(token)
	o.SessionToken = func() string { return held }
	return nil
}

func noSession(field string) error {
	return &gateway.Refusal{
		Reason: ErrSession,
		Detail: "The record holds no session token. Send a valid one as the text of the field " + quoted(field) + ".",
		Fields: []string{field},
	}
}
