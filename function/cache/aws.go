package cache

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// maxAWSHeader bounds the header section of an answer of AWS, which is of a few hundred bytes.
const maxAWSHeader = 64 << 10

// NewAWSClient returns the SDK's own HTTP client, which refuses a header section of more
// than 64 KB.
func NewAWSClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxResponseHeaderBytes = maxAWSHeader })
}

// A LimitedClient cuts off answers of AWS after Limit bytes, because the SDK reads them
// whole.
type LimitedClient struct {
	aws.HTTPClient
	Limit int64
}

// Do implements aws.HTTPClient.
func (c LimitedClient) Do(request *http.Request) (*http.Response, error) {
	response, err := c.HTTPClient.Do(request)
	if err != nil {
		return nil, err
	}
	response.Body = limitedBody{io.LimitReader(response.Body, c.Limit), response.Body}
	return response, nil
}

// A limitedBody reads a part and closes the whole.
type limitedBody struct {
	io.Reader
	io.Closer
}

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
