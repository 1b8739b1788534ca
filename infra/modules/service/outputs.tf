output "log_group" {
  description = "Its logs."
  value       = aws_cloudwatch_log_group.this.name
}

output "task_definition_family" {
  description = "Its task definition, without the revision."
  value       = aws_ecs_task_definition.this.family
}
