output "urls" {
  description = "The servers, as NATS_URL takes them."
  value       = join(",", [for host in local.hosts : "tls://${host}:4222"])
}

output "leaf_urls" {
  description = "The servers, as leaves reach them."
  value       = [for host in local.hosts : "tls://${host}:7422"]
}

output "hosts" {
  description = "The servers' names."
  value       = local.hosts
}

output "security_group_id" {
  description = "The servers' security group."
  value       = aws_security_group.this.id
}

output "autoscaling_groups" {
  description = "The groups of one, by server."
  value       = { for name, group in aws_autoscaling_group.this : name => group.name }
}

output "volume_ids" {
  description = "The volumes, by server."
  value       = { for name, volume in aws_ebs_volume.data : name => volume.id }
}

output "log_group" {
  description = "The servers' logs."
  value       = aws_cloudwatch_log_group.this.name
}
