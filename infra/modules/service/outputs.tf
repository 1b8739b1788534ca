output "log_group" {
  description = "Its logs."
  value       = aws_cloudwatch_log_group.this.name
}

output "task_definition_family" {
  description = "Its task definition, without the revision."
  value       = aws_ecs_task_definition.this.family
}

output "service_name" {
  description = "Its name in the cluster; null for a task that is started by hand."
  value       = one(aws_ecs_service.this[*].name)
}

output "task_role_arn" {
  description = "What its tasks run as."
  value       = aws_iam_role.task.arn
}
