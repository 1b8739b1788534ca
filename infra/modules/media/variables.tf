variable "name" {
  description = "Begins the names of what is made."
  type        = string
}

variable "allowed_origins" {
  description = "Origins whose pages may upload."
  type        = list(string)
}

variable "distribution_arn" {
  description = "The CloudFront distribution that may read `media/`."
  type        = string
}

variable "kms_key_arn" {
  description = "The key of files, secrets and logs."
  type        = string
}

variable "lambda_zip" {
  description = "The function's archive."
  type        = string
}

variable "lambda_memory" {
  description = "The function's memory in MB."
  type        = number
}

variable "lambda_concurrency" {
  description = "How many of the function may run at once; -1 for the account's limit."
  type        = number
}

variable "environment" {
  description = "The function's settings."
  type        = map(string)
}

variable "secrets" {
  description = "Settings that the function's start fetches: from the setting's name to the secret's ARN."
  type        = map(string)
}

variable "file_secrets" {
  description = "As `secrets`, for settings that name a file: the setting's name without _FILE."
  type        = map(string)
}

variable "subnet_ids" {
  description = "Private subnets, from which NATS is reached."
  type        = list(string)
}

variable "security_group_ids" {
  description = "The function's security groups."
  type        = list(string)
}

variable "force_destroy" {
  description = "Destroy the bucket even where it holds files."
  type        = bool
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
}
