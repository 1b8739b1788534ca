output "bucket" {
  description = "The bucket of files."
  value       = aws_s3_bucket.this.id
}

output "bucket_domain_name" {
  description = "Where CloudFront reads it."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}

output "worker_policy" {
  description = "What a media worker may do with it, as a policy document."
  value       = data.aws_iam_policy_document.worker.json
}

output "api_domain_name" {
  description = "The host of the HTTP API."
  value       = trimprefix(aws_apigatewayv2_api.this.api_endpoint, "https://")
}

output "api_id" {
  description = "The HTTP API, in CloudWatch's metrics."
  value       = aws_apigatewayv2_api.this.id
}

output "log_groups" {
  description = "Logs of the function and of its API."
  value = {
    media-lambda = aws_cloudwatch_log_group.lambda.name
    media-api    = aws_cloudwatch_log_group.api.name
  }
}
