package fake

import (
	"context"
	"maps"
	"math/big"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Table is an endpoint that speaks the part of the DynamoDB protocol (JSON 1.0) that a
// relay needs: GetItem and UpdateItem of one table with the partition key id, updates of
// SET and REMOVE with values, and conditions of attribute_not_exists, = and < with AND and
// OR, https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/. It is safe for
// concurrent use.
type Table struct {
	service
	items map[string]Item
}

// An Item holds values by the names of attributes, each as {"S": text}, {"N": digits} or {"B": base64}.
type Item map[string]map[string]string

// NewTable returns an empty table.
func NewTable() *Table { return &Table{items: map[string]Item{}} }

// Items are copies of the items, by their ids.
func (t *Table) Items() map[string]Item {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	items := map[string]Item{}
	for id, item := range t.items {
		items[id] = maps.Clone(item)
	}
	return items
}

// Put stores an item under an id and replaces any other.
func (t *Table) Put(id string, item Item) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.items[id] = maps.Clone(item)
}

// A tableCall is a call of GetItem or UpdateItem.
type tableCall struct {
	Key                                   Item
	UpdateExpression, ConditionExpression string
	ExpressionAttributeValues             Item
}

// ServeHTTP answers one call.
func (t *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call tableCall
	if !t.accept(w, r, &call) {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	id := call.Key["id"]["S"]
	item, known := t.items[id]
	switch target := r.Header.Get("X-Amz-Target"); {
	case id == "":
		Fault("ValidationException", http.StatusBadRequest)(w, r)
	case target == "DynamoDB_20120810.GetItem" && !known:
		AWSAnswer(w, http.StatusOK, struct{}{})
	case target == "DynamoDB_20120810.GetItem":
		AWSAnswer(w, http.StatusOK, map[string]any{"Item": item})
	case target == "DynamoDB_20120810.UpdateItem" && !call.holds(item):
		AWSAnswer(w, http.StatusBadRequest, map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "Item": item})
	case target == "DynamoDB_20120810.UpdateItem":
		t.items[id] = call.updated(item)
		AWSAnswer(w, http.StatusOK, struct{}{})
	default:
		Fault("UnknownOperationException", http.StatusBadRequest)(w, r)
	}
}

// updated is the item with the update: SET name = :value, … REMOVE name, …
func (c tableCall) updated(item Item) Item {
	updated := Item{"id": c.Key["id"]}
	maps.Copy(updated, item)
	set, remove, _ := strings.Cut(c.UpdateExpression, " REMOVE ")
	for each := range strings.SplitSeq(strings.TrimPrefix(set, "SET "), ", ") {
		name, value, _ := strings.Cut(each, " = ")
		updated[name] = c.ExpressionAttributeValues[value]
	}
	for name := range strings.SplitSeq(remove, ", ") {
		delete(updated, name)
	}
	return updated
}

// holds reports whether the condition is true: comparisons with AND between, or in
// brackets with OR between.
func (c tableCall) holds(item Item) bool {
	for term := range strings.SplitSeq(c.ConditionExpression, " AND ") {
		if alternatives, ok := strings.CutPrefix(term, "("); ok {
			term = strings.TrimSuffix(alternatives, ")")
		}
		one := false
		for comparison := range strings.SplitSeq(term, " OR ") {
			one = one || c.isTrue(item, comparison)
		}
		if !one {
			return false
		}
	}
	return true
}

// isTrue reports whether one comparison is true; with an attribute that there is not, none is.
func (c tableCall) isTrue(item Item, comparison string) bool {
	if name, ok := strings.CutPrefix(comparison, "attribute_not_exists("); ok {
		_, exists := item[strings.TrimSuffix(name, ")")]
		return !exists
	}
	words := strings.Fields(comparison)
	there, value := item[words[0]], c.ExpressionAttributeValues[words[2]]
	if words[1] == "=" {
		return there != nil && maps.Equal(there, value)
	}
	a, _ := new(big.Int).SetString(there["N"], 10)
	b, _ := new(big.Int).SetString(value["N"], 10)
	return a != nil && b != nil && a.Cmp(b) < 0
}

// ConnectTable connects the SDK to a Table through client; nil for the network.
func ConnectTable(url string, client aws.HTTPClient) func(context.Context) (*dynamodb.Client, error) {
	return connect(url, client, dynamodb.NewFromConfig)
}
