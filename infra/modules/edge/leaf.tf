# NATS leaves. Each is a service of one, with a name of its own: two leaves of one name would push each
# other off the hub.

resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = local.namespace
  description = "Leaves of ${local.name}"
  vpc         = module.network.vpc_id
}

resource "aws_service_discovery_service" "leaf" {
  for_each = toset(local.leaves)

  name          = each.key
  force_destroy = true

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

module "leaf" {
  source   = "../service"
  for_each = toset(local.leaves)

  service      = each.key
  cluster_name = aws_ecs_cluster.this.name
  cluster_arn  = aws_ecs_cluster.this.arn
  image        = var.settings.nats_image
  command      = ["--config", "${local.files_dir}/leaf.conf"]
  user         = "10001:10001"
  cpu          = 256
  memory       = 512
  count_range  = { min = 1, max = 1 }
  ports        = [4222]
  # As infra/nats/server.conf moves clients.
  stop_timeout = 45

  environment = {
    NATS_NAME = "${local.name}-${each.key}"
    # The server parses values as it parses its files: their quotes belong to them.
    NATS_CERT_FILE = "\"${local.files_dir}/server.pem\""
    NATS_KEY_FILE  = "\"${local.files_dir}/server.key\""
    NATS_CA_FILE   = "\"${local.files_dir}/ca.pem\""
    NATS_HUB_URLS  = jsonencode(var.settings.hub_leaf_urls)
  }
  secrets = { NATS_LEAF_SEED = local.here.leaf }
  files = {
    for file in ["ca.pem", "server.pem", "server.key", "users.conf"] : file => "${local.here.server}:${file}::"
  }
  plain_files     = var.settings.leaf_config
  secrets_key_arn = null
  kms_key_arn     = module.key.arn

  subnet_ids         = module.network.private_subnet_ids
  security_group_ids = [aws_security_group.this["leaf"].id]
  registry_arn       = aws_service_discovery_service.leaf[each.key].arn

  init_image         = var.settings.init_image
  collector_image    = var.settings.collector_image
  metrics_log_group  = aws_cloudwatch_log_group.metrics.name
  log_retention_days = var.settings.log_retention
  keep_revisions     = var.settings.protect
}
