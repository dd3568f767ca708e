// The function of the tests in Go: its event says what it does. The actions are those of every language's function in
// the shared suite, and some that only Go has.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do       string          `json:"do"`
	Value    json.RawMessage `json:"value"`
	Names    []string        `json:"names"`
	Message  string          `json:"message"`
	Path     string          `json:"path"`
	Parts    []string        `json:"parts"`
	Status   int             `json:"status"`
	Millis   int             `json:"ms"`
	ByteSize int             `json:"bytes"`
}

// parts is a streamed result: each read hands out one part, and at the end the failure if there is one.
type parts struct {
	left    []string
	failure error
}

func (p *parts) Read(buffer []byte) (int, error) {
	if len(p.left) == 0 {
		if p.failure != nil {
			return 0, p.failure
		}
		return 0, io.EOF
	}
	n := copy(buffer, p.left[0])
	p.left[0] = p.left[0][n:]
	if p.left[0] == "" {
		p.left = p.left[1:]
	}
	return n, nil
}

// named has a name that shows in the error's type.
type named struct{ text string }

func (n named) Error() string { return n.text }

var invocations int

func handle(ctx context.Context, e event) (any, error) {
	invocations++
	switch e.Do {
	case "echo":
		return e.Value, nil
	case "count":
		return invocations, nil
	case "environment":
		found := map[string]string{}
		for _, name := range e.Names {
			if value, ok := os.LookupEnv(name); ok {
				found[name] = value
			}
		}
		return found, nil
	case "fail":
		return nil, errors.New(e.Message)
	case "fail-named":
		return nil, named{e.Message}
	case "panic":
		panic(e.Message)
	case "sleep":
		time.Sleep(time.Duration(e.Millis) * time.Millisecond)
		return "slept", nil
	case "exit":
		os.Exit(e.Status)
	case "read":
		text, err := os.ReadFile(e.Path)
		return string(text), err
	case "context":
		return describe(ctx)
	case "large":
		return strings.Repeat("x", e.ByteSize), nil
	case "stream":
		return &parts{left: e.Parts}, nil
	case "stream-fail":
		return &parts{left: e.Parts, failure: named{e.Message}}, nil
	}
	return nil, fmt.Errorf("no such action: %q", e.Do)
}

func describe(ctx context.Context) (any, error) {
	call, ok := lambdacontext.FromContext(ctx)
	deadline, hasDeadline := ctx.Deadline()
	if !ok || !hasDeadline {
		return nil, errors.New("no context")
	}
	return map[string]any{
		"requestId":   call.AwsRequestID,
		"arn":         call.InvokedFunctionArn,
		"deadlineMs":  deadline.UnixMilli(),
		"tenantId":    call.TenantID,
		"custom":      call.ClientContext.Custom,
		"appTitle":    call.ClientContext.Client.AppTitle,
		"traceId":     ctx.Value("x-amzn-trace-id"),
		"name":        lambdacontext.FunctionName,
		"version":     lambdacontext.FunctionVersion,
		"memoryMb":    lambdacontext.MemoryLimitInMB,
		"logGroup":    lambdacontext.LogGroupName,
		"variable":    os.Getenv("_X_AMZN_TRACE_ID"),
		"handlerName": os.Getenv("_HANDLER"),
	}, nil
}

func main() {
	if message := os.Getenv("FAIL_INIT"); message != "" {
		panic(message)
	}
	lambda.Start(handle)
}
