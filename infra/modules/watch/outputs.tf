output "topic_arn" {
  description = "Where alarms are told; subscribe a pager here."
  value       = aws_sns_topic.this.arn
}

output "alarms" {
  description = "The alarms' names."
  value = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.own : alarm.alarm_name],
    [
      aws_cloudwatch_metric_alarm.balancer_5xx.alarm_name,
      aws_cloudwatch_metric_alarm.denied.alarm_name,
      aws_cloudwatch_metric_alarm.unowned.alarm_name,
      aws_cloudwatch_metric_alarm.unready.alarm_name,
      aws_cloudwatch_metric_alarm.uploads_5xx.alarm_name,
    ],
  ))
}
