package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// The table of names to give, values to set and errors to expect.
var story = readStory()

var client = lambda.NewFromConfig(must(config.LoadDefaultConfig(ctx)), func(options *lambda.Options) {
	options.Retryer = aws.NopRetryer{}
})

type table struct {
	Name, Arn, NameFromS3, Layer, LayerArn, Runtime, Handler, Role string
	ZipFile, LaterZipFile, LayerZipFile, Bucket, Key, KmsKeyArn    string
	QueueArn, MissingQueueArn, Subnet, SecurityGroup, TopicArn     string
	ProfileArn, UrlPattern                                         string
	MemorySize, MappedBatchSize, Reserved, Provisioned, PageSize   int32
	Weight                                                         float64
	Tags                                                           map[string]string
	Others                                                         []string
	Errors                                                         map[string]struct{ Code, Message string }
}

func readStory() (story table) {
	done(json.Unmarshal(content(os.Args[1]), &story))
	return story
}

const (
	pollInterval = 100 * time.Millisecond
	pollsMax     = 100
)

// For each code of the table, whether the error has arrived as the SDK's type for it.
var isTyped = map[string]func(error) bool{
	"CodeSigningConfigNotFoundException":            is[*types.CodeSigningConfigNotFoundException],
	"InvalidParameterValueException":                is[*types.InvalidParameterValueException],
	"PreconditionFailedException":                   is[*types.PreconditionFailedException],
	"ProvisionedConcurrencyConfigNotFoundException": is[*types.ProvisionedConcurrencyConfigNotFoundException],
	"ResourceConflictException":                     is[*types.ResourceConflictException],
	"ResourceNotFoundException":                     is[*types.ResourceNotFoundException],
	// No shape of the model: it stays the generic error.
	"ValidationException": is[*smithy.GenericAPIError],
}

func is[T error](err error) bool {
	var typed T
	return errors.As(err, &typed)
}

// fails ends the program unless the error is the one that the table has: its type, its code, the beginning of its text.
func fails(err error, name string) {
	wanted, known := story.Errors[name]
	holds(known, name)
	var api smithy.APIError
	holds(errors.As(err, &api), fmt.Sprint(name, ": ", err))
	holds(isTyped[wanted.Code](err), fmt.Sprintf("%s: %T", name, api))
	equal(api.ErrorCode(), wanted.Code)
	holds(strings.HasPrefix(api.ErrorMessage(), wanted.Message), name+": "+api.ErrorMessage())
}

func until(isSo func() bool) {
	for range pollsMax {
		if isSo() {
			return
		}
		time.Sleep(pollInterval)
	}
	end("not in time")
}

func equal[T comparable](actual, expected T) {
	if actual != expected {
		end(fmt.Sprintf("expected %v, got %v", expected, actual))
	}
}

func holds(isSo bool, otherwise any) {
	if !isSo {
		end(fmt.Sprint(otherwise))
	}
}

func must[T any](value T, err error) T {
	done(err)
	return value
}

func done(err error) {
	if err != nil {
		end(err.Error())
	}
}

func content(path string) []byte {
	return must(os.ReadFile(path))
}

// end says what went wrong and in which lines, and ends the program.
func end(reason string) {
	fmt.Fprintln(os.Stderr, reason)
	for depth := 1; depth <= 4; depth++ {
		if _, file, line, known := runtime.Caller(depth); known {
			fmt.Fprintf(os.Stderr, "  at %s:%d\n", file, line)
		}
	}
	os.Exit(1)
}
