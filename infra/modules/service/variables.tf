variable "service" {
  description = "The service's name, and that of its container."
  type        = string
}

variable "cluster_name" {
  description = "The ECS cluster's name; it begins the names of what is made."
  type        = string
}

variable "cluster_arn" {
  description = "The ECS cluster."
  type        = string
}

variable "image" {
  description = "The image, with its tag."
  type        = string
}

variable "repository_arn" {
  description = "The image's ECR repository; null for a public one."
  type        = string
  default     = null
}

variable "command" {
  description = "Arguments of the image's entry point; null for its own."
  type        = list(string)
  default     = null
}

variable "user" {
  description = "As whom it runs; null for the image's own user."
  type        = string
  default     = null
}

variable "cpu" {
  description = "CPU units, 1024 a core."
  type        = number
}

variable "memory" {
  description = "MiB of memory."
  type        = number
}

variable "count_range" {
  description = "The fewest and the most tasks; null for a task that is started by hand."
  type = object({
    min = number
    max = number
  })
}

variable "ports" {
  description = "The ports that it listens on; the first is the load balancer's."
  type        = list(number)
  default     = []
}

variable "environment" {
  description = "Its settings."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Its secret settings: from the setting's name to the secret's ARN, with `:key::` for one key of a JSON secret."
  type        = map(string)
  default     = {}
}

variable "files" {
  description = "Secrets that it reads from files: from the name under /run/starling to the secret's ARN, as in `secrets`."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.files) : can(regex("^[a-z0-9.-]+$", name))])
    error_message = "The names of files must be made of a-z, 0-9, '.' and '-'."
  }
}

variable "plain_files" {
  description = "Files that are no secrets: from the name under /run/starling to the text."
  type        = map(string)
  default     = {}
}

variable "secrets_key_arn" {
  description = "The KMS key of the secrets; null where they have AWS' own."
  type        = string
}

variable "kms_key_arn" {
  description = "The KMS key of the logs, in this region."
  type        = string
}

variable "task_policies" {
  description = "What the task may do beyond telemetry: policy documents, by name."
  type        = map(string)
  default     = {}
}

variable "stop_timeout" {
  description = "Seconds between SIGTERM and SIGKILL."
  type        = number
}

variable "health_check" {
  description = "A command in the container that fails when the service is not alive, as [\"CMD\", ...]; null where a load balancer asks."
  type        = list(string)
  default     = null
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups."
  type        = list(string)
}

variable "target_group_arn" {
  description = "The load balancer's target group; null for none."
  type        = string
  default     = null
}

variable "registry_arn" {
  description = "The Cloud Map service in which tasks are named; null for none."
  type        = string
  default     = null
}

variable "scale_by" {
  description = "A figure of each task to hold at a target, beside the CPU; null for the CPU alone."
  type = object({
    namespace = string
    metric    = string
    target    = number
  })
  default = null
}

variable "init_image" {
  description = "An image with a shell, for `files`."
  type        = string
}

variable "collector_image" {
  description = "The OpenTelemetry collector."
  type        = string
}

variable "collector_config" {
  description = "Its configuration; null for a task without one."
  type        = string
  default     = null
}

variable "metrics_log_group" {
  description = "The log group through which the collector writes metrics."
  type        = string
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
}

variable "keep_revisions" {
  description = "Keep task definitions that are no longer used, to roll back to."
  type        = bool
  default     = true
}
