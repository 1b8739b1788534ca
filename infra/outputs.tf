output "url" {
  description = "Where people chat."
  value       = module.page.url
}

output "repositories" {
  description = "Where images are pushed, by service."
  value       = { for service, repository in aws_ecr_repository.this : service => repository.repository_url }
}

output "secrets" {
  description = "The places of secrets, by name; `infra/put-secrets` fills them. No value is here."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.name }
}

output "media_bucket" {
  description = "The bucket of files."
  value       = module.media.bucket
}

output "page_bucket" {
  description = "The bucket of the page."
  value       = module.page.bucket
}

output "distribution_id" {
  description = "The CloudFront distribution."
  value       = module.page.distribution_id
}

output "nats" {
  description = "The NATS servers: their names, the Auto Scaling groups and the volumes, by server."
  value = {
    hosts              = module.jetstream.hosts
    autoscaling_groups = module.jetstream.autoscaling_groups
    volume_ids         = module.jetstream.volume_ids
  }
}

output "certificate_hosts" {
  description = "The names that the NATS servers' certificate must have: `local-stack nats-keys --host ...`."
  value       = concat(module.jetstream.hosts, flatten([for slot in sort(keys(local.edge_outputs)) : local.edge_outputs[slot].leaves]))
}

output "provision_command" {
  description = "Makes or updates the streams: after the first apply, and after an upgrade that says so."
  value = join(" ", [
    "aws ecs run-task --region ${var.region} --cluster ${aws_ecs_cluster.this.name}",
    "--task-definition ${module.service["provision"].task_definition_family} --launch-type FARGATE",
    "--network-configuration 'awsvpcConfiguration={subnets=[${join(",", module.network.private_subnet_ids)}],securityGroups=[${aws_security_group.service["provision"].id}]}'",
  ])
}

output "log_groups" {
  description = "Logs in CloudWatch, by what writes them."
  value = merge(
    { for name, service in module.service : name => service.log_group },
    module.media.log_groups,
    { nats = module.jetstream.log_group, metrics = aws_cloudwatch_log_group.metrics.name },
  )
}

output "metrics_namespace" {
  description = "The services' metrics in CloudWatch."
  value       = local.metrics_namespace
}

output "alarms" {
  description = "The alarms, and the SNS topic that they speak to."
  value = {
    topic_arn = module.watch.topic_arn
    names     = module.watch.alarms
  }
}

output "edges" {
  description = "The regions with nodes of their own, by slot."
  value       = local.edge_outputs
}

output "content_security_policy" {
  description = "What the page may load, and from where."
  value       = module.page.content_security_policy
}
