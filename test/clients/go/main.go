// The whole control plane as told by the AWS SDK for Go v2, waiters and paginators included.
//
// Reads the table named on the command line; where the server is, the SDK reads from the environment. Prints `told` at
// the end.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func main() {
	for _, chapter := range []func(){
		creation, invocation, configuration, layers, versions, aliases, permissions, urlAndEventInvokeConfigs,
		concurrency, mappings, signing, runtimeRecursionAndTags, pagingAndTheEnd,
	} {
		chapter()
	}
	fmt.Println("told")
}

const waitMax = 30 * time.Second

var ctx = context.Background()

func create(name string, code *types.FunctionCode) (*lambda.CreateFunctionOutput, error) {
	return client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &name,
		Runtime:      types.Runtime(story.Runtime),
		Handler:      &story.Handler,
		Role:         &story.Role,
		Code:         code,
		Environment:  &types.Environment{Variables: map[string]string{"MOOD": "fine"}},
		Tags:         map[string]string{"team": "one"},
	})
}

func waitActive(name string) {
	waiter := lambda.NewFunctionActiveV2Waiter(client)
	done(waiter.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, waitMax))
}

func waitUpdated() {
	waiter := lambda.NewFunctionUpdatedV2Waiter(client)
	done(waiter.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &story.Name}, waitMax))
}

func configure(settings *lambda.UpdateFunctionConfigurationInput) *lambda.GetFunctionConfigurationOutput {
	settings.FunctionName = &story.Name
	updated := must(client.UpdateFunctionConfiguration(ctx, settings))
	equal(updated.LastUpdateStatus, types.LastUpdateStatusInProgress)
	waitUpdated()
	return must(client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &story.Name}))
}

type greeting struct {
	Message, Version, Mood, Memory, ErrorType string
}

func invoke(event string, input lambda.InvokeInput) (*lambda.InvokeOutput, greeting) {
	if input.FunctionName == nil {
		input.FunctionName = &story.Name
	}
	input.Payload = []byte(event)
	answer := must(client.Invoke(ctx, &input))
	var body greeting
	if len(answer.Payload) > 0 {
		done(json.Unmarshal(answer.Payload, &body))
	}
	return answer, body
}

func at(qualifier string) lambda.InvokeInput {
	return lambda.InvokeInput{Qualifier: &qualifier}
}

func creation() {
	zip := &types.FunctionCode{ZipFile: content(story.ZipFile)}
	created := must(create(story.Name, zip))
	equal(created.State, types.StatePending)
	equal(*created.FunctionArn, story.Arn)
	exists := lambda.NewFunctionExistsWaiter(client)
	done(exists.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &story.Name}, waitMax))
	waitActive(story.Name)
	fromS3 := must(create(story.NameFromS3, &types.FunctionCode{S3Bucket: &story.Bucket, S3Key: &story.Key}))
	equal(*fromS3.CodeSha256, *created.CodeSha256)
	waitActive(story.NameFromS3)
	_, body := invoke(`{"name":"Rob"}`, lambda.InvokeInput{FunctionName: &story.NameFromS3})
	equal(body.Message, "Hello, Rob!")
	_, err := create(story.Name, zip)
	fails(err, "functionExists")
	_, err = create("no-zip", &types.FunctionCode{ZipFile: []byte("no zip")})
	fails(err, "noZip")
	_, err = create("no-object", &types.FunctionCode{S3Bucket: &story.Bucket, S3Key: aws.String("nobody-put-this")})
	fails(err, "missingObject")
	_, err = client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("nobody-made-this")})
	fails(err, "missingFunction")
}

func invocation() {
	answer, body := invoke(`{"name":"Rob"}`, lambda.InvokeInput{LogType: types.LogTypeTail})
	equal(body, greeting{Message: "Hello, Rob!", Version: "$LATEST", Mood: "fine", Memory: "128"})
	equal(*answer.ExecutedVersion, "$LATEST")
	log := string(must(base64.StdEncoding.DecodeString(*answer.LogResult)))
	holds(strings.Contains(log, "greeting Rob"), log)
	answer, body = invoke(`{"fail":true}`, lambda.InvokeInput{})
	equal(*answer.FunctionError, "Unhandled")
	equal(body.ErrorType, "RangeError")
	answer, _ = invoke(`{}`, lambda.InvokeInput{InvocationType: types.InvocationTypeDryRun})
	equal(answer.StatusCode, 204)
}

func configuration() {
	found := configure(&lambda.UpdateFunctionConfigurationInput{
		MemorySize:  &story.MemorySize,
		Environment: &types.Environment{Variables: map[string]string{"MOOD": "grand"}},
		KMSKeyArn:   &story.KmsKeyArn,
		LoggingConfig: &types.LoggingConfig{
			LogFormat:           types.LogFormatJson,
			ApplicationLogLevel: types.ApplicationLogLevelDebug,
			SystemLogLevel:      types.SystemLogLevelInfo,
		},
		VpcConfig: &types.VpcConfig{SubnetIds: []string{story.Subnet}, SecurityGroupIds: []string{story.SecurityGroup}},
	})
	equal(*found.MemorySize, story.MemorySize)
	equal(*found.KMSKeyArn, story.KmsKeyArn)
	equal(found.LoggingConfig.LogFormat, types.LogFormatJson)
	equal(found.LoggingConfig.ApplicationLogLevel, types.ApplicationLogLevelDebug)
	equal(*found.LoggingConfig.LogGroup, "/aws/lambda/"+story.Name)
	holds(strings.HasPrefix(*found.VpcConfig.VpcId, "vpc-"), found.VpcConfig)
	_, body := invoke(`{"name":"Rob"}`, lambda.InvokeInput{})
	equal(body.Mood+" "+body.Memory, fmt.Sprint("grand ", story.MemorySize))
	_, err := client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &story.Name, RevisionId: aws.String("00000000-0000-0000-0000-000000000000"),
	})
	fails(err, "staleRevision")
	_, err = client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &story.Name, Timeout: aws.Int32(901),
	})
	fails(err, "longTimeout")
}

func layers() {
	publish := func(runtimes ...types.Runtime) *lambda.PublishLayerVersionOutput {
		return must(client.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
			LayerName:          &story.Layer,
			Content:            &types.LayerVersionContentInput{ZipFile: content(story.LayerZipFile)},
			CompatibleRuntimes: runtimes,
		}))
	}
	published := publish(types.Runtime(story.Runtime))
	equal(*published.LayerArn, story.LayerArn)
	publish()
	publish()
	configure(&lambda.UpdateFunctionConfigurationInput{Layers: []string{*published.LayerVersionArn}})
	_, body := invoke(`{"name":"Rob","layer":true}`, lambda.InvokeInput{})
	equal(body.Message, "Ahoy, Rob!")
	var numbers []int64
	pages := lambda.NewListLayerVersionsPaginator(client, &lambda.ListLayerVersionsInput{LayerName: &story.Layer, MaxItems: &story.PageSize})
	for pages.HasMorePages() {
		for _, version := range must(pages.NextPage(ctx)).LayerVersions {
			numbers = append(numbers, version.Version)
		}
	}
	equal(fmt.Sprint(numbers), "[3 2 1]")
	listed := must(client.ListLayers(ctx, &lambda.ListLayersInput{CompatibleRuntime: types.Runtime(story.Runtime)}))
	equal(listed.Layers[0].LatestMatchingVersion.Version, 1)
	byArn := must(client.GetLayerVersionByArn(ctx, &lambda.GetLayerVersionByArnInput{Arn: published.LayerVersionArn}))
	equal(*byArn.Content.CodeSha256, *published.Content.CodeSha256)
	one := aws.Int64(1)
	must(client.AddLayerVersionPermission(ctx, &lambda.AddLayerVersionPermissionInput{
		LayerName: &story.Layer, VersionNumber: one,
		StatementId: aws.String("all"), Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String("*"),
	}))
	get := &lambda.GetLayerVersionPolicyInput{LayerName: &story.Layer, VersionNumber: one}
	holds(strings.Contains(*must(client.GetLayerVersionPolicy(ctx, get)).Policy, `"Sid":"all"`), "no statement")
	must(client.RemoveLayerVersionPermission(ctx, &lambda.RemoveLayerVersionPermissionInput{
		LayerName: &story.Layer, VersionNumber: one, StatementId: aws.String("all"),
	}))
	_, err := client.GetLayerVersionPolicy(ctx, get)
	fails(err, "missingLayerPolicy")
	_, err = client.GetLayerVersion(ctx, &lambda.GetLayerVersionInput{LayerName: &story.Layer, VersionNumber: aws.Int64(9)})
	fails(err, "missingLayer")
}

func versions() {
	publish := &lambda.PublishVersionInput{FunctionName: &story.Name}
	equal(*must(client.PublishVersion(ctx, publish)).Version, "1")
	one := &lambda.GetFunctionConfigurationInput{FunctionName: &story.Name, Qualifier: aws.String("1")}
	done(lambda.NewPublishedVersionActiveWaiter(client).Wait(ctx, one, waitMax))
	must(client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
		FunctionName: &story.Name, ZipFile: content(story.LaterZipFile),
	}))
	waitUpdated()
	equal(*must(client.PublishVersion(ctx, publish)).Version, "2")
	two := &lambda.GetFunctionInput{FunctionName: &story.Name, Qualifier: aws.String("2")}
	done(lambda.NewFunctionActiveV2Waiter(client).Wait(ctx, two, waitMax))
	_, first := invoke(`{"name":"Rob"}`, at("1"))
	_, second := invoke(`{"name":"Rob"}`, at("2"))
	equal(first.Message+" "+second.Message, "Hello, Rob! Goodbye, Rob!")
	var names []string
	pages := lambda.NewListVersionsByFunctionPaginator(client, &lambda.ListVersionsByFunctionInput{
		FunctionName: &story.Name, MaxItems: &story.PageSize,
	})
	for pages.HasMorePages() {
		for _, version := range must(pages.NextPage(ctx)).Versions {
			names = append(names, *version.Version)
		}
	}
	equal(strings.Join(names, " "), "$LATEST 1 2")
}

func aliases() {
	routing := &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": story.Weight}}
	made := must(client.CreateAlias(ctx, &lambda.CreateAliasInput{
		FunctionName: &story.Name, Name: aws.String("live"), FunctionVersion: aws.String("1"), RoutingConfig: routing,
	}))
	equal(*made.AliasArn, story.Arn+":live")
	found := must(client.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &story.Name, Name: aws.String("live")}))
	equal(found.RoutingConfig.AdditionalVersionWeights["2"], story.Weight)
	update := &lambda.UpdateAliasInput{FunctionName: &story.Name, Name: aws.String("live"), RevisionId: aws.String("stale")}
	_, err := client.UpdateAlias(ctx, update)
	fails(err, "staleRevision")
	update.RevisionId = found.RevisionId
	update.RoutingConfig = &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{}}
	must(client.UpdateAlias(ctx, update))
	answer, _ := invoke(`{}`, at("live"))
	equal(*answer.ExecutedVersion, "1")
	for _, name := range []string{"blue", "green"} {
		must(client.CreateAlias(ctx, &lambda.CreateAliasInput{
			FunctionName: &story.Name, Name: &name, FunctionVersion: aws.String("2"),
		}))
	}
	var names []string
	pages := lambda.NewListAliasesPaginator(client, &lambda.ListAliasesInput{FunctionName: &story.Name, MaxItems: &story.PageSize})
	for pages.HasMorePages() {
		for _, alias := range must(pages.NextPage(ctx)).Aliases {
			names = append(names, *alias.Name)
		}
	}
	equal(strings.Join(names, " "), "blue green live")
	_, err = client.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &story.Name, Name: aws.String("nobody")})
	fails(err, "missingAlias")
	_, err = client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &story.Name, Qualifier: aws.String("1")})
	fails(err, "versionInUse")
}

func permissions() {
	added := must(client.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: &story.Name, Qualifier: aws.String("live"), StatementId: aws.String("sns"),
		Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("sns.amazonaws.com"), SourceArn: &story.TopicArn,
	}))
	get := &lambda.GetPolicyInput{FunctionName: &story.Name, Qualifier: aws.String("live")}
	policy := *must(client.GetPolicy(ctx, get)).Policy
	holds(strings.Contains(policy, *added.Statement), policy)
	holds(strings.Contains(policy, `{"ArnLike":{"AWS:SourceArn":"`+story.TopicArn+`"}}`), policy)
	must(client.RemovePermission(ctx, &lambda.RemovePermissionInput{
		FunctionName: &story.Name, Qualifier: aws.String("live"), StatementId: aws.String("sns"),
	}))
	_, err := client.GetPolicy(ctx, get)
	fails(err, "missingPolicy")
	statement := `{"Sid":"them","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},` +
		`"Action":"lambda:InvokeFunction","Resource":"` + story.Arn + `"}`
	put := must(client.PutResourcePolicy(ctx, &lambda.PutResourcePolicyInput{
		ResourceArn: &story.Arn, Policy: aws.String(`{"Version":"2012-10-17","Statement":[` + statement + `]}`),
	}))
	whole := must(client.GetResourcePolicy(ctx, &lambda.GetResourcePolicyInput{ResourceArn: &story.Arn}))
	equal(*whole.RevisionId, *put.RevisionId)
	holds(strings.Contains(*whole.Policy, `"Sid":"them"`), *whole.Policy)
	must(client.DeleteResourcePolicy(ctx, &lambda.DeleteResourcePolicyInput{ResourceArn: &story.Arn}))
}

func pagingAndTheEnd() {
	everyone := append([]string{story.Name, story.NameFromS3}, story.Others...)
	slices.Sort(everyone)
	for _, name := range story.Others {
		must(create(name, &types.FunctionCode{ZipFile: content(story.ZipFile)}))
	}
	var names []string
	pages := lambda.NewListFunctionsPaginator(client, &lambda.ListFunctionsInput{MaxItems: &story.PageSize})
	count := 0
	for ; pages.HasMorePages(); count++ {
		for _, function := range must(pages.NextPage(ctx)).Functions {
			names = append(names, *function.FunctionName)
		}
	}
	equal(fmt.Sprint(names, count), fmt.Sprint(everyone, 3))
	for _, name := range []string{"live", "blue", "green"} {
		must(client.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: &story.Name, Name: &name}))
	}
	for _, name := range everyone {
		equal(must(client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &name})).StatusCode, 204)
	}
	for number := range int64(3) {
		must(client.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{
			LayerName: &story.Layer, VersionNumber: aws.Int64(number + 1),
		}))
	}
	usage := must(client.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})).AccountUsage
	equal(fmt.Sprint(usage.FunctionCount, usage.TotalCodeSize), "0 0")
}

func urlMatches(url string) bool {
	return regexp.MustCompile(story.UrlPattern).MatchString(url)
}
