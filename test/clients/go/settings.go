package main

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func urlAndEventInvokeConfigs() {
	live := aws.String("live")
	created := must(client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: &story.Name, Qualifier: live, AuthType: types.FunctionUrlAuthTypeNone,
		Cors: &types.Cors{AllowOrigins: []string{"*"}, MaxAge: aws.Int32(60)},
	}))
	holds(urlMatches(*created.FunctionUrl), *created.FunctionUrl)
	updated := must(client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{
		FunctionName: &story.Name, Qualifier: live, AuthType: types.FunctionUrlAuthTypeAwsIam,
	}))
	equal(*updated.FunctionUrl, *created.FunctionUrl)
	get := &lambda.GetFunctionUrlConfigInput{FunctionName: &story.Name, Qualifier: live}
	found := must(client.GetFunctionUrlConfig(ctx, get))
	equal(fmt.Sprint(found.AuthType, *found.Cors.MaxAge), "AWS_IAM60")
	urls := must(client.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: &story.Name}))
	equal(len(urls.FunctionUrlConfigs), 1)
	must(client.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: &story.Name, Qualifier: live}))
	_, err := client.GetFunctionUrlConfig(ctx, get)
	fails(err, "missingPolicy")

	put := must(client.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: &story.Name, Qualifier: live, MaximumRetryAttempts: aws.Int32(1),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &story.QueueArn}},
	}))
	equal(*put.FunctionArn, story.Arn+":live")
	equal(*put.DestinationConfig.OnFailure.Destination, story.QueueArn)
	merged := must(client.UpdateFunctionEventInvokeConfig(ctx, &lambda.UpdateFunctionEventInvokeConfigInput{
		FunctionName: &story.Name, Qualifier: live, MaximumEventAgeInSeconds: aws.Int32(60),
	}))
	equal(fmt.Sprint(*merged.MaximumRetryAttempts, *merged.MaximumEventAgeInSeconds), "1 60")
	holds(!merged.LastModified.IsZero(), merged)
	list := lambda.NewListFunctionEventInvokeConfigsPaginator(client, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: &story.Name})
	equal(len(must(list.NextPage(ctx)).FunctionEventInvokeConfigs), 1)
	must(client.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: &story.Name, Qualifier: live}))
}

func concurrency() {
	reserve := &lambda.PutFunctionConcurrencyInput{FunctionName: &story.Name, ReservedConcurrentExecutions: &story.Reserved}
	must(client.PutFunctionConcurrency(ctx, reserve))
	kept := must(client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &story.Name}))
	equal(*kept.ReservedConcurrentExecutions, story.Reserved)
	limit := must(client.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})).AccountLimit
	equal(*limit.UnreservedConcurrentExecutions, 1000-story.Reserved)
	reserve.ReservedConcurrentExecutions = aws.Int32(901)
	_, err := client.PutFunctionConcurrency(ctx, reserve)
	fails(err, "tooMuchReserved")
	blue := aws.String("blue")
	put := must(client.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{
		FunctionName: &story.Name, Qualifier: blue, ProvisionedConcurrentExecutions: &story.Provisioned,
	}))
	equal(put.Status, types.ProvisionedConcurrencyStatusEnumInProgress)
	get := &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: &story.Name, Qualifier: blue}
	until(func() bool {
		found := must(client.GetProvisionedConcurrencyConfig(ctx, get))
		return found.Status == types.ProvisionedConcurrencyStatusEnumReady &&
			*found.AllocatedProvisionedConcurrentExecutions == story.Provisioned
	})
	_, body := invoke(`{"name":"Rob"}`, at("blue"))
	equal(body.Message, "Goodbye, Rob!")
	list := lambda.NewListProvisionedConcurrencyConfigsPaginator(client, &lambda.ListProvisionedConcurrencyConfigsInput{FunctionName: &story.Name})
	equal(*must(list.NextPage(ctx)).ProvisionedConcurrencyConfigs[0].FunctionArn, story.Arn+":blue")
	must(client.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: &story.Name, Qualifier: blue}))
	_, err = client.GetProvisionedConcurrencyConfig(ctx, get)
	fails(err, "noProvisioned")
	must(client.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &story.Name}))
}

func mappings() {
	create := &lambda.CreateEventSourceMappingInput{
		FunctionName: &story.Name, EventSourceArn: &story.QueueArn, BatchSize: &story.MappedBatchSize,
		Enabled: aws.Bool(false), Tags: story.Tags,
		FilterCriteria: &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"body":{"kind":["greeting"]}}`)}}},
	}
	created := must(client.CreateEventSourceMapping(ctx, create))
	equal(*created.State+" "+*created.FunctionArn, "Creating "+story.Arn)
	get := &lambda.GetEventSourceMappingInput{UUID: created.UUID}
	disabled := func() bool { return *must(client.GetEventSourceMapping(ctx, get)).State == "Disabled" }
	until(disabled)
	updated := must(client.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: created.UUID, BatchSize: aws.Int32(1)}))
	equal(*updated.BatchSize, 1)
	until(disabled)
	_, err := client.CreateEventSourceMapping(ctx, create)
	fails(err, "mappingExists")
	create.EventSourceArn = &story.MissingQueueArn
	_, err = client.CreateEventSourceMapping(ctx, create)
	fails(err, "missingQueue")
	equal(tagsOf(*created.EventSourceMappingArn), fmt.Sprint(story.Tags))
	deleted := must(client.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: created.UUID}))
	equal(*deleted.State, "Deleting")
	until(func() bool {
		pages := lambda.NewListEventSourceMappingsPaginator(client, &lambda.ListEventSourceMappingsInput{})
		return len(must(pages.NextPage(ctx)).EventSourceMappings) == 0
	})
	_, err = client.GetEventSourceMapping(ctx, get)
	fails(err, "missingMapping")
}

func signing() {
	created := must(client.CreateCodeSigningConfig(ctx, &lambda.CreateCodeSigningConfigInput{
		AllowedPublishers: &types.AllowedPublishers{SigningProfileVersionArns: []string{story.ProfileArn}}, Tags: story.Tags,
	})).CodeSigningConfig
	arn := created.CodeSigningConfigArn
	equal(created.AllowedPublishers.SigningProfileVersionArns[0], story.ProfileArn)
	equal(tagsOf(*arn), fmt.Sprint(story.Tags))
	must(client.UpdateCodeSigningConfig(ctx, &lambda.UpdateCodeSigningConfigInput{
		CodeSigningConfigArn: arn,
		CodeSigningPolicies:  &types.CodeSigningPolicies{UntrustedArtifactOnDeployment: types.CodeSigningPolicyWarn},
	}))
	attach := &lambda.PutFunctionCodeSigningConfigInput{FunctionName: &story.Name, CodeSigningConfigArn: arn}
	must(client.PutFunctionCodeSigningConfig(ctx, attach))
	attached := must(client.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: &story.Name}))
	equal(*attached.CodeSigningConfigArn, *arn)
	functions := lambda.NewListFunctionsByCodeSigningConfigPaginator(client, &lambda.ListFunctionsByCodeSigningConfigInput{CodeSigningConfigArn: arn})
	equal(must(functions.NextPage(ctx)).FunctionArns[0], story.Arn)
	must(client.DeleteFunctionCodeSigningConfig(ctx, &lambda.DeleteFunctionCodeSigningConfigInput{FunctionName: &story.Name}))
	must(client.DeleteCodeSigningConfig(ctx, &lambda.DeleteCodeSigningConfigInput{CodeSigningConfigArn: arn}))
	_, err := client.GetCodeSigningConfig(ctx, &lambda.GetCodeSigningConfigInput{CodeSigningConfigArn: arn})
	fails(err, "missingSigningConfig")
	_, err = client.PutFunctionCodeSigningConfig(ctx, attach)
	fails(err, "missingSigningConfigForFunction")
	left := lambda.NewListCodeSigningConfigsPaginator(client, &lambda.ListCodeSigningConfigsInput{})
	equal(len(must(left.NextPage(ctx)).CodeSigningConfigs), 0)
}

func runtimeRecursionAndTags() {
	must(client.PutRuntimeManagementConfig(ctx, &lambda.PutRuntimeManagementConfigInput{
		FunctionName: &story.Name, UpdateRuntimeOn: types.UpdateRuntimeOnFunctionUpdate,
	}))
	runtime := must(client.GetRuntimeManagementConfig(ctx, &lambda.GetRuntimeManagementConfigInput{FunctionName: &story.Name}))
	equal(runtime.UpdateRuntimeOn, types.UpdateRuntimeOnFunctionUpdate)
	must(client.PutFunctionRecursionConfig(ctx, &lambda.PutFunctionRecursionConfigInput{
		FunctionName: &story.Name, RecursiveLoop: types.RecursiveLoopAllow,
	}))
	recursion := must(client.GetFunctionRecursionConfig(ctx, &lambda.GetFunctionRecursionConfigInput{FunctionName: &story.Name}))
	equal(recursion.RecursiveLoop, types.RecursiveLoopAllow)
	must(client.TagResource(ctx, &lambda.TagResourceInput{Resource: &story.Arn, Tags: story.Tags}))
	must(client.TagResource(ctx, &lambda.TagResourceInput{Resource: &story.Arn, Tags: map[string]string{"stage": "test"}}))
	must(client.UntagResource(ctx, &lambda.UntagResourceInput{Resource: &story.Arn, TagKeys: []string{"stage"}}))
	equal(tagsOf(story.Arn), fmt.Sprint(story.Tags))
}

func tagsOf(arn string) string {
	return fmt.Sprint(must(client.ListTags(ctx, &lambda.ListTagsInput{Resource: &arn})).Tags)
}
