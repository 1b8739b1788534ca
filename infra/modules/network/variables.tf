variable "name" {
  description = "Begins the names of what is made."
  type        = string
}

variable "cidr" {
  description = "The addresses of the network, /16 to /20."
  type        = string
}

variable "zones" {
  description = "How many availability zones to use."
  type        = number
}

variable "nat_gateways" {
  description = "How many NAT gateways to make, in the first zones."
  type        = number
}

variable "log_retention_days" {
  description = "For how many days rejected connections are remembered."
  type        = number
}

variable "kms_key_arn" {
  description = "The key that logs are encrypted with."
  type        = string
}
