# What terraform.test.ts applies in three stages: everything, everything changed, and what can be taken away taken away.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "lambdad" { type = string }
variable "neighbours" { type = string }
variable "folder" { type = string }
variable "stage" { type = number }

locals {
  changed = var.stage > 1
  bare    = var.stage > 2
  work    = "arn:aws:sqs:us-east-1:000000000000:work"
  failed  = "arn:aws:sqs:us-east-1:000000000000:failed"
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_credentials_validation = true

  endpoints {
    lambda = var.lambdad
    logs   = var.lambdad
    iam    = var.neighbours
    sts    = var.neighbours
  }

  default_tags {
    tags = { team = "one" }
  }
}

resource "aws_iam_role" "greeter" {
  name = "greeter"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_cloudwatch_log_group" "greeter" {
  name              = "/greeter"
  retention_in_days = local.changed ? 14 : 7
}

resource "aws_lambda_layer_version" "words" {
  layer_name               = "words"
  filename                 = "${var.folder}/layer.zip"
  source_code_hash         = filebase64sha256("${var.folder}/layer.zip")
  compatible_runtimes      = ["nodejs24.x"]
  compatible_architectures = ["x86_64", "arm64"]
}

resource "aws_lambda_layer_version_permission" "words" {
  layer_name     = aws_lambda_layer_version.words.layer_name
  version_number = aws_lambda_layer_version.words.version
  statement_id   = "another"
  action         = "lambda:GetLayerVersion"
  principal      = "111122223333"
}

resource "aws_lambda_code_signing_config" "signed" {
  description = local.changed ? "others" : "ours"
  allowed_publishers {
    signing_profile_version_arns = ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/ours/abcdefghij"]
  }
  policies {
    untrusted_artifact_on_deployment = "Warn"
  }
}

resource "aws_lambda_function" "greeter" {
  function_name                  = "greeter"
  description                    = local.bare ? null : "greets"
  role                           = aws_iam_role.greeter.arn
  runtime                        = "nodejs24.x"
  handler                        = "index.handler"
  filename                       = "${var.folder}/${local.changed ? "two" : "one"}.zip"
  source_code_hash               = filebase64sha256("${var.folder}/${local.changed ? "two" : "one"}.zip")
  publish                        = true
  timeout                        = local.changed ? 6 : 5
  memory_size                    = local.changed ? 192 : 256
  reserved_concurrent_executions = local.bare ? -1 : 5
  layers                         = local.bare ? [] : [aws_lambda_layer_version.words.arn]
  code_signing_config_arn        = local.bare ? null : aws_lambda_code_signing_config.signed.arn
  tags                           = { Name = local.changed ? "changed" : "greeter" }

  ephemeral_storage {
    size = local.changed ? 512 : 1024
  }

  logging_config {
    log_format            = local.bare ? "Text" : "JSON"
    application_log_level = local.bare ? null : local.changed ? "DEBUG" : "INFO"
    system_log_level      = local.bare ? null : "WARN"
    log_group             = local.bare ? null : aws_cloudwatch_log_group.greeter.name
  }

  tracing_config {
    mode = local.bare ? "PassThrough" : "Active"
  }

  dynamic "environment" {
    for_each = local.bare ? [] : [1]
    content {
      variables = { GREETING = local.changed ? "Good day" : "Hello" }
    }
  }

  dynamic "dead_letter_config" {
    for_each = local.bare ? [] : [1]
    content {
      target_arn = local.failed
    }
  }
}

resource "aws_lambda_runtime_management_config" "greeter" {
  function_name     = aws_lambda_function.greeter.function_name
  update_runtime_on = local.changed ? "Auto" : "FunctionUpdate"
}

resource "aws_lambda_function_recursion_config" "greeter" {
  function_name  = aws_lambda_function.greeter.function_name
  recursive_loop = local.changed ? "Terminate" : "Allow"
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = local.changed ? "now" : "first"
  function_name    = aws_lambda_function.greeter.function_name
  function_version = local.changed ? "2" : "1"

  dynamic "routing_config" {
    for_each = local.changed && !local.bare ? [1] : []
    content {
      additional_version_weights = { "1" = 0.1 }
    }
  }
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count                             = local.changed ? 0 : 1
  function_name                     = aws_lambda_function.greeter.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = 1
}

resource "aws_lambda_permission" "bucket" {
  function_name  = aws_lambda_function.greeter.function_name
  statement_id   = "bucket"
  action         = "lambda:InvokeFunction"
  principal      = "s3.amazonaws.com"
  source_arn     = "arn:aws:s3:::${local.changed ? "another" : "one"}"
  source_account = "123456789012"
}

resource "aws_lambda_permission" "everyone" {
  function_name          = aws_lambda_function.greeter.function_name
  qualifier              = aws_lambda_alias.live.name
  statement_id           = "everyone"
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.greeter.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "NONE"
  invoke_mode        = local.changed ? "BUFFERED" : "RESPONSE_STREAM"

  dynamic "cors" {
    for_each = local.bare ? [] : [1]
    content {
      allow_credentials = true
      allow_origins     = [local.changed ? "https://two.example" : "https://one.example"]
      allow_methods     = ["GET", "POST"]
      allow_headers     = ["date"]
      expose_headers    = ["x-greeting"]
      max_age           = 10
    }
  }
}

resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.greeter.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_event_age_in_seconds = local.bare ? null : 60
  maximum_retry_attempts       = local.changed ? 1 : 0

  dynamic "destination_config" {
    for_each = local.bare ? [] : [1]
    content {
      on_failure {
        destination = local.failed
      }
    }
  }
}

resource "aws_lambda_event_source_mapping" "work" {
  function_name                      = aws_lambda_alias.live.arn
  event_source_arn                   = local.work
  batch_size                         = local.changed ? 4 : 5
  enabled                            = !local.bare
  maximum_batching_window_in_seconds = local.bare ? 0 : 1
  function_response_types            = local.bare ? [] : ["ReportBatchItemFailures"]
  tags                               = { Name = "work" }

  dynamic "scaling_config" {
    for_each = local.bare ? [] : [1]
    content {
      maximum_concurrency = 2
    }
  }

  dynamic "filter_criteria" {
    for_each = local.bare ? [] : [1]
    content {
      filter {
        pattern = jsonencode({ body = { kind = [local.changed ? "two" : "one"] } })
      }
    }
  }
}

# Nobody is asked about streams here: the mapping waits, and says so.
resource "aws_lambda_event_source_mapping" "stream" {
  function_name                  = aws_lambda_function.greeter.arn
  event_source_arn               = "arn:aws:kinesis:us-east-1:123456789012:stream/nowhere"
  starting_position              = "TRIM_HORIZON"
  maximum_retry_attempts         = local.bare ? -1 : 2
  maximum_record_age_in_seconds  = local.bare ? -1 : 120
  bisect_batch_on_function_error = !local.bare
  tumbling_window_in_seconds     = local.bare ? 0 : local.changed ? 20 : 30

  dynamic "destination_config" {
    for_each = local.bare ? [] : [1]
    content {
      on_failure {
        destination_arn = local.failed
      }
    }
  }
}

data "aws_lambda_invocation" "greeting" {
  function_name = aws_lambda_function.greeter.function_name
  qualifier     = aws_lambda_function.greeter.version
  input         = jsonencode({ name = "Ada" })
}

data "aws_lambda_functions" "all" {
  depends_on = [aws_lambda_function.greeter]
}

output "greeting" {
  value = jsondecode(data.aws_lambda_invocation.greeting.result)
}

output "functions" {
  value = data.aws_lambda_functions.all.function_names
}

output "url" {
  value = aws_lambda_function_url.live.function_url
}
