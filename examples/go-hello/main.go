// A function in Go: the binary is the runtime, AWS's library its client of the Runtime API.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Greeting is the event.
type Greeting struct {
	Names []string `json:"names"`
}

// Answer is what the function returns.
type Answer struct {
	Message  string `json:"message"`
	Function string `json:"function"`
	Version  string `json:"version"`
}

func handle(ctx context.Context, event Greeting) (Answer, error) {
	if len(event.Names) == 0 {
		return Answer{}, errors.New("names is empty")
	}
	if call, ok := lambdacontext.FromContext(ctx); ok {
		log.Printf("request %s greets %d", call.AwsRequestID, len(event.Names))
	}
	return Answer{
		Message:  fmt.Sprintf("Hello, %s!", strings.Join(event.Names, " and ")),
		Function: lambdacontext.FunctionName,
		Version:  lambdacontext.FunctionVersion,
	}, nil
}

func main() {
	lambda.Start(handle)
}
