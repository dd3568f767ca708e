import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.AliasConfiguration;
import software.amazon.awssdk.services.lambda.model.CreateFunctionResponse;
import software.amazon.awssdk.services.lambda.model.FunctionCode;
import software.amazon.awssdk.services.lambda.model.FunctionConfiguration;
import software.amazon.awssdk.services.lambda.model.GetAliasResponse;
import software.amazon.awssdk.services.lambda.model.GetFunctionConfigurationResponse;
import software.amazon.awssdk.services.lambda.model.InvocationType;
import software.amazon.awssdk.services.lambda.model.InvokeRequest;
import software.amazon.awssdk.services.lambda.model.InvokeResponse;
import software.amazon.awssdk.services.lambda.model.LastUpdateStatus;
import software.amazon.awssdk.services.lambda.model.LayerVersionsListItem;
import software.amazon.awssdk.services.lambda.model.LogFormat;
import software.amazon.awssdk.services.lambda.model.LogType;
import software.amazon.awssdk.services.lambda.model.ProvisionedConcurrencyStatusEnum;
import software.amazon.awssdk.services.lambda.model.PublishLayerVersionResponse;
import software.amazon.awssdk.services.lambda.model.State;
import software.amazon.awssdk.services.lambda.model.UpdateFunctionConfigurationRequest;
import software.amazon.awssdk.services.lambda.waiters.LambdaWaiter;

/**
 * The whole control plane as told by the AWS SDK for Java v2, waiters and paginators included.
 *
 * <p>Reads the table named on the command line; where the server is, the SDK reads from the environment. Prints {@code
 * told} at the end.
 */
public final class Story {
  private final LambdaClient client = LambdaClient.create();
  private final LambdaWaiter waiter = client.waiter();
  private final Table story;
  private final String name;
  private final String arn;

  private Story(Table story) {
    this.story = story;
    name = story.text("name");
    arn = story.text("arn");
  }

  public static void main(String[] arguments) throws Exception {
    Story it = new Story(new Table(arguments[0]));
    it.creation();
    it.invocation();
    it.configuration();
    it.layers();
    it.versions();
    it.aliases();
    it.permissions();
    Settings settings = new Settings(it.client, it.story);
    settings.urlAndEventInvokeConfigs();
    it.concurrency();
    settings.mappings();
    settings.signing();
    settings.runtimeRecursionAndTags();
    it.pagingAndTheEnd();
    System.out.println("told");
  }

  private CreateFunctionResponse create(String function, Consumer<FunctionCode.Builder> code) {
    return client.createFunction(
        it ->
            it.functionName(function)
                .runtime(story.text("runtime"))
                .handler(story.text("handler"))
                .role(story.text("role"))
                .code(code)
                .environment(environment -> environment.variables(Map.of("MOOD", "fine")))
                .tags(Map.of("team", "one")));
  }

  private GetFunctionConfigurationResponse configure(Consumer<UpdateFunctionConfigurationRequest.Builder> settings) {
    var updated = client.updateFunctionConfiguration(it -> settings.accept(it.functionName(name)));
    Table.equal(updated.lastUpdateStatus(), LastUpdateStatus.IN_PROGRESS);
    waiter.waitUntilFunctionUpdatedV2(it -> it.functionName(name));
    return client.getFunctionConfiguration(it -> it.functionName(name));
  }

  private InvokeResponse invoke(String event, Consumer<InvokeRequest.Builder> more) {
    return client.invoke(
        it -> more.accept(it.functionName(name).payload(SdkBytes.fromUtf8String(event))));
  }

  /** What the function has answered, by member. */
  private static Map<String, String> body(InvokeResponse answer) {
    Map<String, String> body = new HashMap<>();
    JsonNode.parser()
        .parse(answer.payload().asUtf8String())
        .asObject()
        .forEach((key, value) -> body.put(key, value.isString() ? value.asString() : value.toString()));
    return body;
  }

  private String greeting(String event, String qualifier) {
    return body(invoke(event, it -> it.qualifier(qualifier))).get("message");
  }

  private void creation() {
    CreateFunctionResponse created = create(name, it -> it.zipFile(story.content("zipFile")));
    Table.equal(created.state(), State.PENDING);
    Table.equal(created.functionArn(), arn);
    waiter.waitUntilFunctionExists(it -> it.functionName(name));
    waiter.waitUntilFunctionActive(it -> it.functionName(name));
    waiter.waitUntilFunctionActiveV2(it -> it.functionName(name));
    String other = story.text("nameFromS3");
    CreateFunctionResponse fromS3 =
        create(other, it -> it.s3Bucket(story.text("bucket")).s3Key(story.text("key")));
    Table.equal(fromS3.codeSha256(), created.codeSha256());
    waiter.waitUntilFunctionActiveV2(it -> it.functionName(other));
    Table.equal(body(invoke("{\"name\":\"James\"}", it -> it.functionName(other))).get("message"), "Hello, James!");
    story.fails("functionExists", () -> create(name, it -> it.zipFile(story.content("zipFile"))));
    story.fails("noZip", () -> create("no-zip", it -> it.zipFile(SdkBytes.fromUtf8String("no zip"))));
    story.fails(
        "missingObject", () -> create("no-object", it -> it.s3Bucket(story.text("bucket")).s3Key("nobody-put-this")));
    story.fails("missingFunction", () -> client.getFunction(it -> it.functionName("nobody-made-this")));
  }

  private void invocation() {
    InvokeResponse good = invoke("{\"name\":\"James\"}", it -> it.logType(LogType.TAIL));
    Table.equal(
        body(good), Map.of("message", "Hello, James!", "version", "$LATEST", "mood", "fine", "memory", "128"));
    Table.equal(good.executedVersion(), "$LATEST");
    String log = new String(Base64.getDecoder().decode(good.logResult()), StandardCharsets.UTF_8);
    Table.holds(log.contains("greeting James"), log);
    InvokeResponse bad = invoke("{\"fail\":true}", it -> {});
    Table.equal(bad.functionError(), "Unhandled");
    Table.equal(body(bad).get("errorType"), "RangeError");
    Table.equal(invoke("{}", it -> it.invocationType(InvocationType.DRY_RUN)).statusCode(), 204);
  }

  private void configuration() {
    int memorySize = story.number("memorySize");
    GetFunctionConfigurationResponse found =
        configure(
            it ->
                it.memorySize(memorySize)
                    .environment(environment -> environment.variables(Map.of("MOOD", "grand")))
                    .kmsKeyArn(story.text("kmsKeyArn"))
                    .loggingConfig(
                        logging ->
                            logging.logFormat(LogFormat.JSON).applicationLogLevel("DEBUG").systemLogLevel("INFO"))
                    .vpcConfig(
                        vpc ->
                            vpc.subnetIds(story.text("subnet")).securityGroupIds(story.text("securityGroup"))));
    Table.equal(found.memorySize(), memorySize);
    Table.equal(found.kmsKeyArn(), story.text("kmsKeyArn"));
    Table.equal(found.loggingConfig().logFormat(), LogFormat.JSON);
    Table.equal(found.loggingConfig().logGroup(), "/aws/lambda/" + name);
    Table.equal(found.vpcConfig().subnetIds(), List.of(story.text("subnet")));
    Table.holds(found.vpcConfig().vpcId().startsWith("vpc-"), found.vpcConfig());
    Map<String, String> body = body(invoke("{\"name\":\"James\"}", it -> {}));
    Table.equal(body.get("mood") + " " + body.get("memory"), "grand " + memorySize);
    story.fails(
        "staleRevision",
        () ->
            client.updateFunctionConfiguration(
                it -> it.functionName(name).revisionId("00000000-0000-0000-0000-000000000000")));
    story.fails("longTimeout", () -> client.updateFunctionConfiguration(it -> it.functionName(name).timeout(901)));
  }

  private PublishLayerVersionResponse publishLayer(String... runtimes) {
    return client.publishLayerVersion(
        it ->
            it.layerName(story.text("layer"))
                .content(content -> content.zipFile(story.content("layerZipFile")))
                .compatibleRuntimesWithStrings(runtimes.length == 0 ? null : List.of(runtimes)));
  }

  private void layers() {
    String layer = story.text("layer");
    PublishLayerVersionResponse published = publishLayer(story.text("runtime"));
    Table.equal(published.layerArn(), story.text("layerArn"));
    publishLayer();
    publishLayer();
    configure(it -> it.layers(published.layerVersionArn()));
    Table.equal(greeting("{\"name\":\"James\",\"layer\":true}", null), "Ahoy, James!");
    int pageSize = story.number("pageSize");
    var versions = client.listLayerVersionsPaginator(it -> it.layerName(layer).maxItems(pageSize));
    Table.equal(versions.layerVersions().stream().map(LayerVersionsListItem::version).toList(), List.of(3L, 2L, 1L));
    var listed = client.listLayersPaginator(it -> it.compatibleRuntime(story.text("runtime"))).layers();
    Table.equal(listed.stream().map(it -> it.latestMatchingVersion().version()).toList(), List.of(1L));
    var byArn = client.getLayerVersionByArn(it -> it.arn(published.layerVersionArn()));
    Table.equal(byArn.content().codeSha256(), published.content().codeSha256());
    client.addLayerVersionPermission(
        it ->
            it.layerName(layer)
                .versionNumber(1L)
                .statementId("all")
                .action("lambda:GetLayerVersion")
                .principal("*"));
    String policy = client.getLayerVersionPolicy(it -> it.layerName(layer).versionNumber(1L)).policy();
    Table.holds(policy.contains("\"Sid\":\"all\""), policy);
    client.removeLayerVersionPermission(it -> it.layerName(layer).versionNumber(1L).statementId("all"));
    story.fails(
        "missingLayerPolicy", () -> client.getLayerVersionPolicy(it -> it.layerName(layer).versionNumber(1L)));
    story.fails("missingLayer", () -> client.getLayerVersion(it -> it.layerName(layer).versionNumber(9L)));
  }

  private void versions() {
    Table.equal(client.publishVersion(it -> it.functionName(name)).version(), "1");
    waiter.waitUntilPublishedVersionActive(it -> it.functionName(name).qualifier("1"));
    client.updateFunctionCode(it -> it.functionName(name).zipFile(story.content("laterZipFile")));
    waiter.waitUntilFunctionUpdated(it -> it.functionName(name));
    waiter.waitUntilFunctionUpdatedV2(it -> it.functionName(name));
    Table.equal(client.publishVersion(it -> it.functionName(name)).version(), "2");
    waiter.waitUntilFunctionActiveV2(it -> it.functionName(name).qualifier("2"));
    Table.equal(greeting("{\"name\":\"James\"}", "1"), "Hello, James!");
    Table.equal(greeting("{\"name\":\"James\"}", "2"), "Goodbye, James!");
    int pageSize = story.number("pageSize");
    var pages = client.listVersionsByFunctionPaginator(it -> it.functionName(name).maxItems(pageSize));
    Table.equal(
        pages.versions().stream().map(FunctionConfiguration::version).toList(), List.of("$LATEST", "1", "2"));
  }

  private void aliases() {
    Map<String, Double> weights = Map.of("2", story.fraction("weight"));
    var made =
        client.createAlias(
            it ->
                it.functionName(name)
                    .name("live")
                    .functionVersion("1")
                    .routingConfig(routing -> routing.additionalVersionWeights(weights)));
    Table.equal(made.aliasArn(), arn + ":live");
    GetAliasResponse found = client.getAlias(it -> it.functionName(name).name("live"));
    Table.equal(found.routingConfig().additionalVersionWeights(), weights);
    story.fails(
        "staleRevision", () -> client.updateAlias(it -> it.functionName(name).name("live").revisionId("stale")));
    client.updateAlias(
        it ->
            it.functionName(name)
                .name("live")
                .revisionId(found.revisionId())
                .routingConfig(routing -> routing.additionalVersionWeights(Map.of())));
    Table.equal(invoke("{}", it -> it.qualifier("live")).executedVersion(), "1");
    for (String alias : List.of("blue", "green"))
      client.createAlias(it -> it.functionName(name).name(alias).functionVersion("2"));
    int pageSize = story.number("pageSize");
    var pages = client.listAliasesPaginator(it -> it.functionName(name).maxItems(pageSize));
    Table.equal(pages.aliases().stream().map(AliasConfiguration::name).toList(), List.of("blue", "green", "live"));
    story.fails("missingAlias", () -> client.getAlias(it -> it.functionName(name).name("nobody")));
    story.fails("versionInUse", () -> client.deleteFunction(it -> it.functionName(name).qualifier("1")));
  }

  private void permissions() {
    var added =
        client.addPermission(
            it ->
                it.functionName(name)
                    .qualifier("live")
                    .statementId("sns")
                    .action("lambda:InvokeFunction")
                    .principal("sns.amazonaws.com")
                    .sourceArn(story.text("topicArn")));
    String policy = client.getPolicy(it -> it.functionName(name).qualifier("live")).policy();
    Table.holds(policy.contains(added.statement()), policy);
    Table.holds(policy.contains("{\"ArnLike\":{\"AWS:SourceArn\":\"" + story.text("topicArn") + "\"}}"), policy);
    client.removePermission(it -> it.functionName(name).qualifier("live").statementId("sns"));
    story.fails("missingPolicy", () -> client.getPolicy(it -> it.functionName(name).qualifier("live")));
  }

  private void concurrency() throws InterruptedException {
    int reserved = story.number("reserved");
    client.putFunctionConcurrency(it -> it.functionName(name).reservedConcurrentExecutions(reserved));
    Table.equal(client.getFunctionConcurrency(it -> it.functionName(name)).reservedConcurrentExecutions(), reserved);
    Table.equal(client.getAccountSettings().accountLimit().unreservedConcurrentExecutions(), 1000 - reserved);
    story.fails(
        "tooMuchReserved",
        () -> client.putFunctionConcurrency(it -> it.functionName(name).reservedConcurrentExecutions(901)));
    int provisioned = story.number("provisioned");
    var put =
        client.putProvisionedConcurrencyConfig(
            it -> it.functionName(name).qualifier("blue").provisionedConcurrentExecutions(provisioned));
    Table.equal(put.status(), ProvisionedConcurrencyStatusEnum.IN_PROGRESS);
    Table.until(
        () -> {
          var found = client.getProvisionedConcurrencyConfig(it -> it.functionName(name).qualifier("blue"));
          return found.status() == ProvisionedConcurrencyStatusEnum.READY
              && found.allocatedProvisionedConcurrentExecutions() == provisioned;
        });
    Table.equal(greeting("{\"name\":\"James\"}", "blue"), "Goodbye, James!");
    var configs = client.listProvisionedConcurrencyConfigsPaginator(it -> it.functionName(name));
    Table.equal(
        configs.provisionedConcurrencyConfigs().stream().map(it -> it.functionArn()).toList(),
        List.of(arn + ":blue"));
    client.deleteProvisionedConcurrencyConfig(it -> it.functionName(name).qualifier("blue"));
    story.fails(
        "noProvisioned",
        () -> client.getProvisionedConcurrencyConfig(it -> it.functionName(name).qualifier("blue")));
    client.deleteFunctionConcurrency(it -> it.functionName(name));
  }

  private void pagingAndTheEnd() {
    List<String> everyone = new ArrayList<>(story.texts("others"));
    for (String other : everyone) create(other, it -> it.zipFile(story.content("zipFile")));
    everyone.add(name);
    everyone.add(story.text("nameFromS3"));
    everyone.sort(null);
    int pageSize = story.number("pageSize");
    var pages = client.listFunctionsPaginator(it -> it.maxItems(pageSize));
    Table.equal(pages.functions().stream().map(FunctionConfiguration::functionName).toList(), everyone);
    Table.equal(pages.stream().count(), 3L);
    for (String alias : List.of("live", "blue", "green"))
      client.deleteAlias(it -> it.functionName(name).name(alias));
    for (String function : everyone)
      Table.equal(client.deleteFunction(it -> it.functionName(function)).statusCode(), 204);
    for (long number = 1; number <= 3; number++) {
      long version = number;
      client.deleteLayerVersion(it -> it.layerName(story.text("layer")).versionNumber(version));
    }
    var usage = client.getAccountSettings().accountUsage();
    Table.equal(usage.functionCount() + " " + usage.totalCodeSize(), "0 0");
  }
}
