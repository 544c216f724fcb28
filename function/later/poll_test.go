package later_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/later"
)

// queues are a Queue and what it calls, without a network, for a bubble of testing/synctest.
func queues(concurrency int) (*later.Queue, *fake.Queues) {
	endpoint := fake.NewQueues("queue", "dead")
	return later.New(later.Config{
		Connect: fake.ConnectQueues("http://queues", fake.Direct{Handler: endpoint}), URL: "http://queues/1/queue", DeadURL: "http://queues/1/dead",
		Concurrency: concurrency, Instances: 1,
	}), endpoint
}

func mustSend(t *testing.T, queue *later.Queue, count int) {
	t.Helper()
	for i := range count {
		if err := queue.Send(t.Context(), "api", &later.Message{ID: later.NewID(), RequestID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPoll sees that messages are delivered, no more at once than is said, that those
// which come again do so after their pause, and that one which takes long is not given to
// anyone else meanwhile.
func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, endpoint := queues(3)
		mustSend(t, queue, 20)
		stop, cancel := context.WithCancel(t.Context())
		var under, most, calls atomic.Int64
		began, second := time.Now(), time.Duration(0)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			queue.Poll(stop, later.Poller{Drain: time.Second, Failed: func(err error) { t.Error(err) }, Deliver: func(_ context.Context, message *gateway.QueueMessage) (bool, time.Duration) {
				calls.Add(1)
				most.Store(max(most.Load(), under.Add(1)))
				defer under.Add(-1)
				if requestID(t, message) == "7" && message.Receives == 1 {
					time.Sleep(200 * time.Second)
					second = -time.Since(began)
					return true, 30 * time.Second
				}
				if requestID(t, message) == "7" {
					second += time.Since(began)
				}
				time.Sleep(time.Second)
				return false, 0
			}})
		}()
		time.Sleep(time.Hour)
		if most.Load() != 3 || calls.Load() != 21 || len(endpoint.Messages("queue")) != 0 {
			t.Errorf("%d at once, %d deliveries, %d messages left", most.Load(), calls.Load(), len(endpoint.Messages("queue")))
		}
		if second < 30*time.Second || second > 31*time.Second {
			t.Errorf("it came again after %s", second)
		}
		cancel()
		<-ended
	})
}

// TestPollDrains sees that a stop lets deliveries under way end, for as long as they may
// take, and that what did not end comes again at once.
func TestPollDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, endpoint := queues(2)
		mustSend(t, queue, 3)
		stop, cancel := context.WithCancel(t.Context())
		ended := make(chan time.Duration)
		go func() {
			queue.Poll(stop, later.Poller{Drain: 9 * time.Second, Failed: func(err error) { t.Error(err) }, Deliver: func(ctx context.Context, message *gateway.QueueMessage) (bool, time.Duration) {
				if requestID(t, message) == "0" {
					time.Sleep(5 * time.Second)
					return false, 0
				}
				<-ctx.Done()
				return true, 0
			}})
			ended <- 0
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		stopped := time.Now()
		cancel()
		<-ended
		if took := time.Since(stopped); took < 9*time.Second || took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		left := endpoint.Messages("queue")
		if len(left) != 2 || !strings.Contains(left[0].Body, `"requestId":"1"`) || left[0].Visible.After(time.Now()) || left[1].Receives != 0 {
			t.Errorf("%+v", left)
		}
	})
}

// TestPollUnavailable sees that a queue which does not answer is asked less and less often,
// that this is told, and that what it has is delivered once it answers.
func TestPollUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, endpoint := queues(2)
		mustSend(t, queue, 1)
		endpoint.Fail(fake.Fault("AccessDenied", http.StatusForbidden))
		stop, cancel := context.WithCancel(t.Context())
		var failed, delivered atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			queue.Poll(stop, later.Poller{Failed: func(error) { failed.Add(1) }, Deliver: func(context.Context, *gateway.QueueMessage) (bool, time.Duration) {
				delivered.Add(1)
				return false, 0
			}})
		}()
		time.Sleep(10 * time.Minute)
		if told := failed.Load(); told < 10 || told > 30 {
			t.Errorf("it failed %d times in ten minutes", told)
		}
		endpoint.Fail(nil)
		time.Sleep(2 * time.Minute)
		if delivered.Load() != 1 {
			t.Error("it is not delivered")
		}
		cancel()
		<-ended
	})
}

// TestSendAll sees that many messages go in batches that the queue takes, and which were not taken.
func TestSendAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, endpoint := queues(2)
		sizes := []int{1, later.MaxMessageBytes, 1, 0, 600 << 10, 600 << 10, later.MaxMessageBytes - 1<<10}
		for range 30 {
			sizes = append(sizes, 100)
		}
		messages := make([]*later.Message, len(sizes))
		for i, size := range sizes {
			if size > 0 {
				messages[i] = &later.Message{ID: later.NewID(), RequestID: fmt.Sprint(i), Body: []byte(strings.Repeat("x", size))}
			}
		}
		for i, err := range queue.SendAll(t.Context(), "ü b", messages) {
			if (err != nil) != (i == 1) {
				t.Errorf("message %d: %v", i, err)
			}
		}
		sent := endpoint.Messages("queue")
		for _, each := range sent {
			if each.Group != "%c3%bc%20b" {
				t.Errorf("the group is %s", each.Group)
			}
		}
		if len(sent) != len(sizes)-2 {
			t.Errorf("%d of %d were sent", len(sent), len(sizes))
		}
	})
}

// TestSendAllInPart sees that a message of a batch counts as sent only if the queue says so.
func TestSendAllInPart(t *testing.T) {
	queue, endpoint := queues(2)
	endpoint.Fail(func(w http.ResponseWriter, _ *http.Request) {
		fake.AWSAnswer(w, http.StatusOK, map[string]any{"Failed": []any{
			map[string]any{"Id": "0", "Code": "InternalError"}, map[string]any{"Id": "7", "Code": "InternalError"}, map[string]any{"Code": "InternalError"},
		}})
	})
	var told []string
	for _, err := range queue.SendAll(t.Context(), "api", []*later.Message{{ID: later.NewID()}, nil, {ID: later.NewID()}}) {
		note := ""
		if refusal, ok := errors.AsType[*gateway.Refusal](err); ok {
			note = refusal.Note
		}
		told = append(told, note)
	}
	if !slices.Equal(told, []string{"The queue: It answered InternalError.", "", "The queue: Its answer does not name every message."}) {
		t.Errorf("%q", told)
	}
}

func requestID(t *testing.T, message *gateway.QueueMessage) string {
	t.Helper()
	read, err := later.Read(message.Body)
	if err != nil {
		t.Error(err)
		return ""
	}
	return read.RequestID
}
