# The region's connection nodes, and the load balancer before them: under the hub's name, by latency.

module "balancer" {
  source = "../balancer"

  name                    = local.name
  region                  = local.own_region
  vpc_id                  = module.network.vpc_id
  subnet_ids              = module.network.public_subnet_ids
  nodes_security_group_id = aws_security_group.this["connection-node"].id
  port                    = var.settings.node_port
  host_name               = var.settings.nodes_host
  zone_id                 = var.settings.zone_id
  prove_certificate       = false
  ping_interval           = var.settings.ping.interval
  ping_timeout            = var.settings.ping.timeout
  deregistration_delay    = var.settings.stop_timeout
  deletion_protection     = var.settings.protect
}

module "node" {
  source = "../service"

  service        = "connection-node"
  cluster_name   = aws_ecs_cluster.this.name
  cluster_arn    = aws_ecs_cluster.this.arn
  image          = var.settings.node_image
  repository_arn = var.settings.node_repository
  cpu            = var.settings.node_size.cpu
  memory         = var.settings.node_size.memory
  count_range    = { min = var.edge.min, max = var.edge.max }
  ports          = [var.settings.node_port]
  stop_timeout   = var.settings.stop_timeout

  environment = merge(var.settings.node_environment, {
    NATS_URL = join(",", [for leaf in local.leaves : "tls://${leaf}.${local.namespace}:4222"])
    # The log is the hub's.
    NATS_DOMAIN = "hub"
    NODE_ID     = "node-${var.slot}"
    # This region's load balancer, and CloudFront before it.
    TRUSTED_PROXIES = join(",", concat([var.edge.vpc_cidr], module.balancer.cloudfront_cidrs))
  })
  secrets         = { for setting in keys(var.settings.node_secrets) : setting => local.here[setting] }
  files           = { "ca.pem" = local.here.ca }
  plain_files     = var.settings.node_plain_files
  secrets_key_arn = null
  kms_key_arn     = module.key.arn

  subnet_ids         = module.network.private_subnet_ids
  security_group_ids = [aws_security_group.this["connection-node"].id]
  target_group_arn   = module.balancer.target_group_arn

  scale_by = {
    namespace = var.settings.metrics_namespace
    metric    = var.settings.connections_name
    target    = var.settings.node_size.connections
  }

  init_image      = var.settings.init_image
  collector_image = var.settings.collector_image
  collector_config = templatefile("${path.module}/../../observability/collector.yaml.tftpl", {
    service      = "connection-node"
    region       = local.own_region
    namespace    = var.settings.metrics_namespace
    log_group    = aws_cloudwatch_log_group.metrics.name
    metrics_port = var.settings.node_port
    metrics      = var.settings.node_metrics
  })
  metrics_log_group  = aws_cloudwatch_log_group.metrics.name
  log_retention_days = var.settings.log_retention
  keep_revisions     = var.settings.protect
}
