variable "name" {
  description = "The key's alias, and the beginning of the log groups that it encrypts."
  type        = string
}
