variable "name" {
  description = "Begins the names of what is made."
  type        = string
}

variable "servers" {
  description = "How many servers: 1 or 3."
  type        = number
}

variable "zones" {
  description = "Availability zones, the servers' in order."
  type        = list(string)
}

variable "subnet_ids" {
  description = "The zones' private subnets, in the same order."
  type        = list(string)
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "dns_zone_id" {
  description = "The private zone of the servers' names."
  type        = string
}

variable "dns_zone_name" {
  description = "Its name."
  type        = string
}

variable "client_security_group_ids" {
  description = "Who may connect: security groups, by name."
  type        = map(string)
}

variable "leaves" {
  description = "Take leaves of other regions."
  type        = bool
}

variable "leaf_cidrs" {
  description = "The networks of leaves, by name."
  type        = map(string)
}

variable "config_files" {
  description = "The configuration of infra/nats/, from the name of each file to its text."
  type        = map(string)
}

variable "server_secret_arn" {
  description = "The secret with ca.pem, server.pem, server.key and users.conf, as one JSON object."
  type        = string
}

variable "image" {
  description = "The image of nats-server."
  type        = string
}

variable "exporter_image" {
  description = "The image of the exporter of its metrics."
  type        = string
}

variable "instance_type" {
  description = "The machine, arm64."
  type        = string
}

variable "ami_id" {
  description = "The machine image; null for the newest Amazon Linux 2023."
  type        = string
}

variable "volume_gb" {
  description = "GiB of each server's volume."
  type        = number
}

variable "volume_iops" {
  description = "Operations a second of each server's volume."
  type        = number
}

variable "keep_snapshots" {
  description = "Take a last snapshot of a volume that is destroyed."
  type        = bool
}

variable "kms_key_arn" {
  description = "The key of volumes, secrets and logs."
  type        = string
}

variable "metrics_namespace" {
  description = "The namespace of metrics in CloudWatch."
  type        = string
}

variable "metrics_log_group" {
  description = "The log group through which metrics are written."
  type        = string
}

variable "metric_names" {
  description = "Which of the exporter's metrics are kept."
  type        = list(string)
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
}

variable "tags" {
  description = "Tags of machines and their volumes, which do not inherit the provider's."
  type        = map(string)
}

variable "snapshots" {
  description = "Take a snapshot of each volume every day."
  type        = bool
}
