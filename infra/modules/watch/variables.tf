variable "name" {
  description = "Begins the names of what is made."
  type        = string
}

variable "emails" {
  description = "Who is told."
  type        = list(string)
}

variable "kms_key_arn" {
  description = "The key of the topic."
  type        = string
}

variable "metrics_namespace" {
  description = "The namespace of the services' metrics."
  type        = string
}

variable "metric_names" {
  description = "How the services and the exporter name what is watched."
  type = object({
    log_pending = string
    partitions  = string
    redelivered = string
    dead        = string
    repairs     = string
    denied      = map(string)
  })
}

variable "partitions" {
  description = "How many partitions rooms are dealt over: `wire::partition`."
  type        = number
  default     = 64
}

variable "balancer_suffix" {
  description = "The load balancer, as CloudWatch names it."
  type        = string
}

variable "target_group_suffix" {
  description = "The nodes' target group, as CloudWatch names it."
  type        = string
}

variable "api_id" {
  description = "The HTTP API of uploads."
  type        = string
}

variable "monthly_budget_usd" {
  description = "US dollars a month; 0 for no budget."
  type        = number
}
