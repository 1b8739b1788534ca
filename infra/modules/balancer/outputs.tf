output "target_group_arn" {
  description = "Where nodes are registered."
  value       = aws_lb_target_group.nodes.arn
  # A service can only be made once a listener uses the group.
  depends_on = [aws_lb_listener_rule.clients]
}

output "target_group_suffix" {
  description = "The target group in CloudWatch's metrics."
  value       = aws_lb_target_group.nodes.arn_suffix
}

output "suffix" {
  description = "The load balancer in CloudWatch's metrics."
  value       = aws_lb.this.arn_suffix
}

output "dns_name" {
  description = "The load balancer's own name."
  value       = aws_lb.this.dns_name
}

output "idle_timeout" {
  description = "Seconds after which a silent connection is closed."
  value       = aws_lb.this.idle_timeout
}

output "cloudfront_cidrs" {
  description = "From where CloudFront comes: proxies that tell for whom they ask."
  value       = sort([for entry in data.aws_ec2_managed_prefix_list.cloudfront.entries : entry.cidr])
}
