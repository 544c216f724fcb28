package destination

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// maxDeliveryHours leaves a day of the 14 for which a queue of Amazon SQS keeps a message at most,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html.
const maxDeliveryHours = 13 * 24

// delivery reads how records are delivered that are accepted now and sent later.
func (r *reader) delivery(node *yaml.Node, settings *Operation) {
	const what, hours = extensionPrefix + "delivery", extensionPrefix + "delivery-hours"
	at := r.member(node, what)
	switch r.oneOf(at, what, "now", "later") {
	case "now":
		settings.Later = false
	case "later":
		settings.Later = true
		r.destination.Later = append(r.destination.Later, r.place(at))
		if r.config.NoQueue {
			r.fault(at, what+": later needs a queue, and there is none",
				"set KEYRELAY_QUEUE and KEYRELAY_DEAD_QUEUE, which the template's parameter Later=true does, or remove it")
		}
	}
	written := r.integer(r.member(node, hours), hours, 1, maxDeliveryHours)
	settings.DeliverWithin = cmp.Or(time.Duration(written)*time.Hour, settings.DeliverWithin)
}

// pace reads x-keyrelay-rate as the time between two deliveries; 0 when it is absent.
func (r *reader) pace() time.Duration {
	const what = extensionPrefix + "rate"
	node := r.member(r.root, what)
	text, ok := r.text(node, what)
	if !ok {
		return 0
	}
	count, unit, _ := strings.Cut(text, "/")
	number, err := strconv.ParseUint(count, 10, 32)
	per := map[string]time.Duration{"s": time.Second, "min": time.Minute}[unit]
	if err != nil || number == 0 || number > 100_000 || per == 0 {
		r.fault(node, what+" is no rate", "write how many records the API takes, such as 10/s or 100/min")
		return 0
	}
	return per / time.Duration(number)
}
