variable "name" {
  description = "Begins the names of what is made."
  type        = string
}

variable "domain_name" {
  description = "The host name of everything."
  type        = string
}

variable "zone_id" {
  description = "The public Route 53 zone of the name."
  type        = string
}

variable "nodes_domain_name" {
  description = "The load balancers' name."
  type        = string
}

variable "files_domain_name" {
  description = "The bucket of files."
  type        = string
}

variable "uploads_domain_name" {
  description = "The host of the media worker's HTTP API."
  type        = string
}

variable "upload_origin" {
  description = "The origin to which browsers post files."
  type        = string
}

variable "public_dir" {
  description = "The folder of the page."
  type        = string
}

variable "socket_io_client_dir" {
  description = "The folder `dist` of socket.io-client."
  type        = string
}

variable "price_class" {
  description = "CloudFront's price class."
  type        = string
}

variable "web_acl_arn" {
  description = "A WAF web ACL; null for none."
  type        = string
}
