# The secrets' places. Their values are put there by `infra/put-secrets`, never by Terraform, so that its
# state holds none.

locals {
  secret_descriptions = {
    "jwt"         = "The secret of tokens (HS256), at least 32 bytes; not read where tokens are checked by public keys"
    "media"       = "The secret by which uploads are granted and files are named, at least 32 bytes"
    "nats/ca"     = "The certificate of the authority that signed the NATS servers' (no secret; kept with the rest)"
    "nats/server" = "A JSON object for NATS servers and leaves: ca.pem, server.pem, server.key, users.conf"
    "nats/node"   = "The nkey seed of connection nodes"
    "nats/fanout" = "The nkey seed of fan-out workers"
    "nats/media"  = "The nkey seed of media workers"
    "nats/admin"  = "The nkey seed of whoever provisions streams"
    "nats/leaf"   = "The nkey seed of the leaves in other regions"
  }
  # What tasks in other regions read.
  replicated = ["jwt", "nats/ca", "nats/server", "nats/node", "nats/leaf"]
}

resource "aws_secretsmanager_secret" "this" {
  for_each = local.secret_descriptions

  name        = "${var.name}/${each.key}"
  description = each.value
  kms_key_id  = module.key.arn
  # A name is free again at once where there is nothing to protect.
  recovery_window_in_days = var.deletion_protection ? 30 : 0

  dynamic "replica" {
    for_each = contains(local.replicated, each.key) ? toset([for edge in values(var.edges) : edge.region]) : toset([])

    content {
      region = replica.value
    }
  }
}
