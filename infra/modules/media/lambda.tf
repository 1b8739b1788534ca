# The media worker's HTTP as a function: `POST /media/uploads` and `POST /media/uploads/{id}/complete`.
# The function's start script fetches its secrets (infra/docker/media-lambda-bootstrap), so that none
# stands in its configuration, nor in Terraform's state.

resource "aws_lambda_function" "this" {
  function_name = "${var.name}-media"
  description   = "Uploads from the page"
  role          = aws_iam_role.lambda.arn
  runtime       = "provided.al2023"
  architectures = ["arm64"]
  handler       = "bootstrap"
  package_type  = "Zip"

  filename         = var.lambda_zip
  source_code_hash = filebase64sha256(var.lambda_zip)

  # A picture is decoded whole. HTTP APIs wait 30 seconds at most.
  memory_size                    = var.lambda_memory
  timeout                        = 29
  reserved_concurrent_executions = var.lambda_concurrency
  kms_key_arn                    = var.kms_key_arn

  environment {
    variables = merge(
      var.environment,
      { for setting, arn in var.secrets : "${setting}_FROM" => arn },
      { for setting, arn in var.file_secrets : "${setting}_FILE_FROM" => arn },
    )
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = var.security_group_ids
  }

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.lambda.name
  }

  depends_on = [aws_iam_role_policy.lambda, aws_iam_role_policy_attachment.lambda_vpc]
}

resource "aws_cloudwatch_log_group" "lambda" {
  name              = "/${var.name}/media-lambda"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_iam_role" "lambda" {
  name_prefix        = "${var.name}-media-lambda-"
  description        = "The media worker on Lambda"
  assume_role_policy = data.aws_iam_policy_document.lambda_assume.json
}

data "aws_iam_policy_document" "lambda_assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy_attachment" "lambda_vpc" {
  role       = aws_iam_role.lambda.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_iam_role_policy" "lambda" {
  name   = "media"
  role   = aws_iam_role.lambda.id
  policy = data.aws_iam_policy_document.lambda.json
}

data "aws_iam_policy_document" "lambda" {
  source_policy_documents = [data.aws_iam_policy_document.worker.json]

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = concat(values(var.secrets), values(var.file_secrets))
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }

  statement {
    sid       = "Traces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }
}

# ---- how it is reached

resource "aws_apigatewayv2_api" "this" {
  name          = "${var.name}-media"
  description   = "Uploads from the page"
  protocol_type = "HTTP"
  # The worker answers preflights itself, by the same list of origins as the nodes.
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 29500
}

# No authoriser: the worker reads the token itself, by the same rules as the nodes.
resource "aws_apigatewayv2_route" "this" {
  for_each = toset([
    "POST /media/uploads",
    "POST /media/uploads/{id}/complete",
    "OPTIONS /media/uploads",
    "OPTIONS /media/uploads/{id}/complete",
  ])

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.value
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = 200
    throttling_rate_limit  = 100
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      requestId = "$context.requestId"
      ip        = "$context.identity.sourceIp"
      route     = "$context.routeKey"
      status    = "$context.status"
      latency   = "$context.responseLatency"
      error     = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/${var.name}/media-api"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}
