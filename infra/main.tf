# Starling in one region, the hub: its network, the log, the services, the bucket, the page, the watch.
# edges.tf adds nodes in other regions; settings.tf says what each service is told.

module "key" {
  source = "./modules/key"

  name = var.name
}

module "network" {
  source = "./modules/network"

  name               = var.name
  cidr               = var.vpc_cidr
  zones              = var.zones
  nat_gateways       = var.nat_gateways
  log_retention_days = var.log_retention_days
  kms_key_arn        = module.key.arn
}

# Names of machines inside the networks. The NATS servers write their own addresses here.
resource "aws_route53_zone" "internal" {
  name          = local.internal_zone
  comment       = "Machines of ${var.name}"
  force_destroy = true

  vpc {
    vpc_id = module.network.vpc_id
  }

  lifecycle {
    # Edges add their networks themselves.
    ignore_changes = [vpc]
  }
}

# ---- the log

module "jetstream" {
  source = "./modules/jetstream"

  name           = var.name
  servers        = var.nats.servers
  instance_type  = var.nats.instance_type
  ami_id         = var.nats.ami_id
  volume_gb      = var.nats.volume_gb
  volume_iops    = var.nats.volume_iops
  image          = var.nats.image
  exporter_image = var.nats.exporter
  keep_snapshots = var.deletion_protection
  snapshots      = var.deletion_protection

  vpc_id        = module.network.vpc_id
  zones         = module.network.zones
  subnet_ids    = module.network.private_subnet_ids
  dns_zone_id   = aws_route53_zone.internal.zone_id
  dns_zone_name = local.internal_zone

  client_security_group_ids = { for service in local.services : service => aws_security_group.service[service].id }
  leaves                    = length(var.edges) > 0
  leaf_cidrs                = { for slot, edge in var.edges : slot => edge.vpc_cidr }

  config_files      = local.nats_config
  server_secret_arn = aws_secretsmanager_secret.this["nats/server"].arn
  kms_key_arn       = module.key.arn

  metrics_namespace  = local.metrics_namespace
  metrics_log_group  = aws_cloudwatch_log_group.metrics.name
  metric_names       = local.metrics.nats
  log_retention_days = var.log_retention_days
  tags               = local.tags
}

# ---- the services

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "metrics" {
  name              = "/${var.name}/metrics"
  retention_in_days = 14
  kms_key_id        = module.key.arn
}

# A group a service, so that what may reach what is said of services and not of addresses.
resource "aws_security_group" "service" {
  for_each = local.services

  name_prefix = "${var.name}-${each.key}-"
  description = "Tasks of ${each.key}"
  vpc_id      = module.network.vpc_id

  tags = { Name = "${var.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "nats" {
  for_each = local.services

  security_group_id            = aws_security_group.service[each.key].id
  description                  = "NATS"
  referenced_security_group_id = module.jetstream.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 4222
  to_port                      = 4222
}

resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = local.services

  security_group_id = aws_security_group.service[each.key].id
  description       = "Images, secrets, S3, metrics and traces"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

module "balancer" {
  source = "./modules/balancer"

  name                    = var.name
  region                  = var.region
  vpc_id                  = module.network.vpc_id
  subnet_ids              = module.network.public_subnet_ids
  nodes_security_group_id = aws_security_group.service["connection-node"].id
  port                    = local.ports.connection-node
  host_name               = local.nodes_host
  zone_id                 = var.zone_id
  prove_certificate       = true
  ping_interval           = var.ping.interval
  ping_timeout            = var.ping.timeout
  deregistration_delay    = local.stop_timeouts.connection-node
  deletion_protection     = var.deletion_protection
}

module "service" {
  source   = "./modules/service"
  for_each = local.services

  service        = each.key
  cluster_name   = aws_ecs_cluster.this.name
  cluster_arn    = aws_ecs_cluster.this.arn
  image          = "${aws_ecr_repository.this[each.key].repository_url}:${var.image_tag}"
  repository_arn = aws_ecr_repository.this[each.key].arn
  command        = each.key == "provision" ? ["provision", "--replicas", tostring(var.nats.servers)] : null

  cpu          = local.sizes[each.key].cpu
  memory       = local.sizes[each.key].memory
  count_range  = local.sizes[each.key].count
  ports        = each.key == "provision" ? [] : [local.ports[each.key]]
  stop_timeout = local.stop_timeouts[each.key]
  # The load balancer asks nodes; of the others ECS asks.
  health_check = contains(["fanout-worker", "media-worker"], each.key) ? ["CMD", "/bin/wget", "-q", "-O", "/dev/null", "http://127.0.0.1:${local.ports[each.key]}/healthz"] : null

  environment     = local.environment[each.key]
  secrets         = { for setting, secret in local.secrets[each.key] : setting => aws_secretsmanager_secret.this[secret].arn }
  files           = { "ca.pem" = aws_secretsmanager_secret.this["nats/ca"].arn }
  plain_files     = each.key == "connection-node" || each.key == "media-worker" ? local.jwt_files : {}
  secrets_key_arn = module.key.arn
  kms_key_arn     = module.key.arn
  task_policies   = each.key == "media-worker" ? { files = module.media.worker_policy } : {}

  subnet_ids         = module.network.private_subnet_ids
  security_group_ids = [aws_security_group.service[each.key].id]
  target_group_arn   = each.key == "connection-node" ? module.balancer.target_group_arn : null

  scale_by = each.key != "connection-node" ? null : {
    namespace = local.metrics_namespace
    metric    = local.metric_names.connections
    target    = var.nodes.connections
  }

  init_image         = var.init_image
  collector_image    = var.collector_image
  collector_config   = local.collector[each.key]
  metrics_log_group  = aws_cloudwatch_log_group.metrics.name
  log_retention_days = var.log_retention_days
  keep_revisions     = var.deletion_protection
}

# ---- files and the page

module "media" {
  source = "./modules/media"

  name               = var.name
  allowed_origins    = var.allowed_origins
  distribution_arn   = module.page.distribution_arn
  kms_key_arn        = module.key.arn
  lambda_zip         = var.media_lambda_zip
  lambda_memory      = var.media.lambda_memory
  lambda_concurrency = var.media.lambda_concurrency
  environment        = local.lambda_environment
  secrets            = { for setting, secret in local.secrets.media-worker : setting => aws_secretsmanager_secret.this[secret].arn }
  file_secrets       = { NATS_CA = aws_secretsmanager_secret.this["nats/ca"].arn }
  subnet_ids         = module.network.private_subnet_ids
  security_group_ids = [aws_security_group.service["media-worker"].id]
  force_destroy      = !var.deletion_protection
  log_retention_days = var.log_retention_days
}

module "page" {
  source = "./modules/page"

  providers = {
    aws        = aws
    aws.global = aws.global
  }

  name                 = var.name
  domain_name          = var.domain_name
  zone_id              = var.zone_id
  nodes_domain_name    = local.nodes_host
  files_domain_name    = module.media.bucket_domain_name
  uploads_domain_name  = module.media.api_domain_name
  upload_origin        = local.upload_origin
  public_dir           = var.public_dir
  socket_io_client_dir = var.socket_io_client_dir
  price_class          = var.price_class
  web_acl_arn          = var.web_acl_arn
}

# ---- the watch

module "watch" {
  source = "./modules/watch"

  name                = var.name
  emails              = var.alarm_emails
  kms_key_arn         = module.key.arn
  metrics_namespace   = local.metrics_namespace
  metric_names        = local.metric_names
  balancer_suffix     = module.balancer.suffix
  target_group_suffix = module.balancer.target_group_suffix
  api_id              = module.media.api_id
  monthly_budget_usd  = var.monthly_budget_usd
}
