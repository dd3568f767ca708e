import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.CodeSigningConfig;
import software.amazon.awssdk.services.lambda.model.CodeSigningPolicy;
import software.amazon.awssdk.services.lambda.model.CreateEventSourceMappingRequest;
import software.amazon.awssdk.services.lambda.model.CreateEventSourceMappingResponse;
import software.amazon.awssdk.services.lambda.model.FunctionUrlAuthType;
import software.amazon.awssdk.services.lambda.model.RecursiveLoop;
import software.amazon.awssdk.services.lambda.model.UpdateRuntimeOn;

/** What is set beside a function: URL, event invoke, mapping, code signing, runtime management, recursion, tags. */
final class Settings {
  private final LambdaClient client;
  private final Table story;
  private final String name;
  private final String arn;

  Settings(LambdaClient client, Table story) {
    this.client = client;
    this.story = story;
    name = story.text("name");
    arn = story.text("arn");
  }

  void urlAndEventInvokeConfigs() {
    var created =
        client.createFunctionUrlConfig(
            it ->
                it.functionName(name)
                    .qualifier("live")
                    .authType(FunctionUrlAuthType.NONE)
                    .cors(cors -> cors.allowOrigins("*").maxAge(60)));
    Table.holds(created.functionUrl().matches(story.text("urlPattern")), created.functionUrl());
    client.updateFunctionUrlConfig(
        it -> it.functionName(name).qualifier("live").authType(FunctionUrlAuthType.AWS_IAM));
    var found = client.getFunctionUrlConfig(it -> it.functionName(name).qualifier("live"));
    Table.equal(found.functionUrl(), created.functionUrl());
    Table.equal(found.authType() + " " + found.cors().maxAge(), "AWS_IAM 60");
    var urls = client.listFunctionUrlConfigsPaginator(it -> it.functionName(name)).functionUrlConfigs();
    Table.equal(urls.stream().count(), 1L);
    client.deleteFunctionUrlConfig(it -> it.functionName(name).qualifier("live"));
    story.fails("missingPolicy", () -> client.getFunctionUrlConfig(it -> it.functionName(name).qualifier("live")));

    var put =
        client.putFunctionEventInvokeConfig(
            it ->
                it.functionName(name)
                    .qualifier("live")
                    .maximumRetryAttempts(1)
                    .destinationConfig(to -> to.onFailure(queue -> queue.destination(story.text("queueArn")))));
    Table.equal(put.functionArn(), arn + ":live");
    Table.equal(put.destinationConfig().onFailure().destination(), story.text("queueArn"));
    var merged =
        client.updateFunctionEventInvokeConfig(
            it -> it.functionName(name).qualifier("live").maximumEventAgeInSeconds(60));
    Table.equal(merged.maximumRetryAttempts() + " " + merged.maximumEventAgeInSeconds(), "1 60");
    var configs = client.listFunctionEventInvokeConfigsPaginator(it -> it.functionName(name));
    Table.equal(configs.functionEventInvokeConfigs().stream().count(), 1L);
    client.deleteFunctionEventInvokeConfig(it -> it.functionName(name).qualifier("live"));
  }

  void mappings() throws InterruptedException {
    Consumer<CreateEventSourceMappingRequest.Builder> settings =
        it ->
            it.functionName(name)
                .eventSourceArn(story.text("queueArn"))
                .batchSize(story.number("mappedBatchSize"))
                .enabled(false)
                .tags(story.map("tags"))
                .filterCriteria(
                    criteria -> criteria.filters(filter -> filter.pattern("{\"body\":{\"kind\":[\"greeting\"]}}")));
    CreateEventSourceMappingResponse created = client.createEventSourceMapping(settings);
    String uuid = created.uuid();
    Table.equal(created.state() + " " + created.functionArn(), "Creating " + arn);
    Table.until(() -> client.getEventSourceMapping(it -> it.uuid(uuid)).state().equals("Disabled"));
    Table.equal(client.updateEventSourceMapping(it -> it.uuid(uuid).batchSize(1)).batchSize(), 1);
    Table.until(() -> client.getEventSourceMapping(it -> it.uuid(uuid)).state().equals("Disabled"));
    story.fails("mappingExists", () -> client.createEventSourceMapping(settings));
    story.fails(
        "missingQueue",
        () -> client.createEventSourceMapping(settings.andThen(it -> it.eventSourceArn(story.text("missingQueueArn")))));
    Table.equal(client.listTags(it -> it.resource(created.eventSourceMappingArn())).tags(), story.map("tags"));
    Table.equal(client.deleteEventSourceMapping(it -> it.uuid(uuid)).state(), "Deleting");
    Table.until(
        () -> client.listEventSourceMappingsPaginator(it -> {}).eventSourceMappings().stream().findAny().isEmpty());
    story.fails("missingMapping", () -> client.getEventSourceMapping(it -> it.uuid(uuid)));
  }

  void signing() {
    CodeSigningConfig created =
        client
            .createCodeSigningConfig(
                it ->
                    it.allowedPublishers(by -> by.signingProfileVersionArns(story.text("profileArn")))
                        .tags(story.map("tags")))
            .codeSigningConfig();
    String config = created.codeSigningConfigArn();
    Table.equal(created.allowedPublishers().signingProfileVersionArns(), List.of(story.text("profileArn")));
    Table.equal(client.listTags(it -> it.resource(config)).tags(), story.map("tags"));
    client.updateCodeSigningConfig(
        it ->
            it.codeSigningConfigArn(config)
                .codeSigningPolicies(policies -> policies.untrustedArtifactOnDeployment(CodeSigningPolicy.WARN)));
    client.putFunctionCodeSigningConfig(it -> it.functionName(name).codeSigningConfigArn(config));
    Table.equal(client.getFunctionCodeSigningConfig(it -> it.functionName(name)).codeSigningConfigArn(), config);
    var functions = client.listFunctionsByCodeSigningConfigPaginator(it -> it.codeSigningConfigArn(config));
    Table.equal(functions.functionArns().stream().toList(), List.of(arn));
    client.deleteFunctionCodeSigningConfig(it -> it.functionName(name));
    client.deleteCodeSigningConfig(it -> it.codeSigningConfigArn(config));
    story.fails("missingSigningConfig", () -> client.getCodeSigningConfig(it -> it.codeSigningConfigArn(config)));
    story.fails(
        "missingSigningConfigForFunction",
        () -> client.putFunctionCodeSigningConfig(it -> it.functionName(name).codeSigningConfigArn(config)));
    Table.equal(client.listCodeSigningConfigsPaginator(it -> {}).codeSigningConfigs().stream().count(), 0L);
  }

  void runtimeRecursionAndTags() {
    client.putRuntimeManagementConfig(
        it -> it.functionName(name).updateRuntimeOn(UpdateRuntimeOn.FUNCTION_UPDATE));
    Table.equal(
        client.getRuntimeManagementConfig(it -> it.functionName(name)).updateRuntimeOn(),
        UpdateRuntimeOn.FUNCTION_UPDATE);
    client.putFunctionRecursionConfig(it -> it.functionName(name).recursiveLoop(RecursiveLoop.ALLOW));
    Table.equal(
        client.getFunctionRecursionConfig(it -> it.functionName(name)).recursiveLoop(), RecursiveLoop.ALLOW);
    client.tagResource(it -> it.resource(arn).tags(story.map("tags")));
    client.tagResource(it -> it.resource(arn).tags(Map.of("stage", "test")));
    client.untagResource(it -> it.resource(arn).tagKeys("stage"));
    Table.equal(client.listTags(it -> it.resource(arn)).tags(), story.map("tags"));
  }
}
