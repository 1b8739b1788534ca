variable "name" {
  description = "The load balancer's name."
  type        = string
}

variable "region" {
  description = "The region that it is in, by which the nearest is chosen."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets, one a zone."
  type        = list(string)
}

variable "nodes_security_group_id" {
  description = "The security group of the connection nodes."
  type        = string
}

variable "port" {
  description = "The port of the connection nodes."
  type        = number
}

variable "host_name" {
  description = "The name by which CloudFront finds it, in `zone_id`."
  type        = string
}

variable "zone_id" {
  description = "The public Route 53 zone."
  type        = string
}

variable "prove_certificate" {
  description = "Make the record that proves the certificate: in one region alone."
  type        = bool
}

variable "ping_interval" {
  description = "Seconds between pings."
  type        = number
}

variable "ping_timeout" {
  description = "Seconds for an answer to a ping."
  type        = number
}

variable "deregistration_delay" {
  description = "Seconds that a node which is going may still take."
  type        = number
}

variable "deletion_protection" {
  description = "Refuse to delete it."
  type        = bool
}
