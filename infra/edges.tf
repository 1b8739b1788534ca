# Nodes in other regions: one call of modules/edge for each slot of providers.tf.

locals {
  edge_settings = {
    name              = var.name
    hub_region        = var.region
    hub_vpc_id        = module.network.vpc_id
    hub_vpc_cidr      = module.network.cidr
    hub_route_tables  = module.network.private_route_table_ids
    hub_leaf_urls     = module.jetstream.leaf_urls
    internal_zone_id  = aws_route53_zone.internal.zone_id
    nodes_host        = local.nodes_host
    zone_id           = var.zone_id
    node_image        = "${aws_ecr_repository.this["connection-node"].repository_url}:${var.image_tag}"
    node_repository   = aws_ecr_repository.this["connection-node"].arn
    nats_image        = var.nats.image
    init_image        = var.init_image
    collector_image   = var.collector_image
    metrics_namespace = local.metrics_namespace
    node_metrics      = local.metrics.connection-node
    connections_name  = local.metric_names.connections
    node_environment  = merge(local.node_environment, { NATS_CA_FILE = local.nats.NATS_CA_FILE })
    node_secrets      = { for setting, secret in local.secrets.connection-node : setting => aws_secretsmanager_secret.this[secret].arn }
    node_plain_files  = local.jwt_files
    node_port         = local.ports.connection-node
    node_size         = var.nodes
    stop_timeout      = local.stop_timeouts.connection-node
    ca_secret         = aws_secretsmanager_secret.this["nats/ca"].arn
    server_secret     = aws_secretsmanager_secret.this["nats/server"].arn
    leaf_secret       = aws_secretsmanager_secret.this["nats/leaf"].arn
    leaf_config       = local.nats_config
    ping              = var.ping
    log_retention     = var.log_retention_days
    protect           = var.deletion_protection
  }

  edge_outputs = merge(
    { for edge in module.edge_one : "one" => edge.summary },
    { for edge in module.edge_two : "two" => edge.summary },
  )
}

module "edge_one" {
  source = "./modules/edge"
  count  = contains(keys(var.edges), "one") ? 1 : 0

  providers = {
    aws     = aws.edge_one
    aws.hub = aws
  }

  slot     = "one"
  edge     = var.edges["one"]
  settings = local.edge_settings
}

module "edge_two" {
  source = "./modules/edge"
  count  = contains(keys(var.edges), "two") ? 1 : 0

  providers = {
    aws     = aws.edge_two
    aws.hub = aws
  }

  slot     = "two"
  edge     = var.edges["two"]
  settings = local.edge_settings
}
