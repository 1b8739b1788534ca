output "url" {
  description = "Where the page is."
  value       = "https://${var.domain_name}"
  depends_on  = [aws_route53_record.this]
}

output "distribution_arn" {
  description = "The CloudFront distribution."
  value       = aws_cloudfront_distribution.this.arn
}

output "distribution_id" {
  description = "Its id."
  value       = aws_cloudfront_distribution.this.id
}

output "bucket" {
  description = "The bucket of the page."
  value       = aws_s3_bucket.page.id
}

output "content_security_policy" {
  description = "The policy under which browsers show the page."
  value       = local.content_security_policy
}
