# What each service is told: ports, sizes, settings, which secrets it may read, which of its figures are
# kept. The names of settings are those of the services' `--help`; `infra/check` compares them.

locals {
  services      = toset(["connection-node", "fanout-worker", "media-worker", "provision"])
  ports         = { connection-node = 3000, fanout-worker = 3200, media-worker = 3100 }
  nodes_host    = "nodes.${var.domain_name}"
  internal_zone = "${var.name}.internal"
  url           = "https://${var.domain_name}"
  upload_origin = "https://${module.media.bucket}.s3.${var.region}.amazonaws.com"
  tags          = merge({ Installation = var.name, ManagedBy = "terraform" }, var.tags)

  sizes = {
    connection-node = { cpu = var.nodes.cpu, memory = var.nodes.memory, count = { min = var.nodes.min, max = var.nodes.max } }
    fanout-worker   = { cpu = var.fanout.cpu, memory = var.fanout.memory, count = { min = var.fanout.min, max = var.fanout.max } }
    media-worker    = { cpu = var.media.cpu, memory = var.media.memory, count = { min = var.media.min, max = var.media.max } }
    provision       = { cpu = 256, memory = 512, count = null }
  }

  # Above what a drain takes, and not above what Fargate grants.
  stop_timeouts = {
    connection-node = min(120, var.drain.delay + var.drain.over + 15)
    fanout-worker   = 20
    # A file that was begun is finished.
    media-worker = 60
    provision    = 30
  }

  # ---- settings

  files_dir = "/run/starling"
  nats = {
    NATS_URL     = module.jetstream.urls
    NATS_CA_FILE = "${local.files_dir}/ca.pem"
  }
  # The configuration itself; who may connect (users.conf) is each installation's own, and comes as a secret.
  nats_config = {
    for name in fileset("${path.module}/nats", "*.conf") : name => file("${path.module}/nats/${name}")
    if !startswith(name, "users.")
  }

  # To the collector in the same task; logs as CloudWatch's queries read them.
  telemetry = { OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318", LOG_FORMAT = "json" }

  # Tokens are read by nodes and media workers alike.
  jwt_files = var.jwt.public_key_pem == null ? {} : { "jwt.pem" = var.jwt.public_key_pem }
  jwt = merge(
    var.jwt.public_key_pem == null ? {} : { JWT_PUBLIC_KEY_FILE = "${local.files_dir}/jwt.pem", JWT_ALGORITHM = var.jwt.algorithm },
    var.jwt.jwks_url == null ? {} : { JWT_JWKS_URL = var.jwt.jwks_url, JWT_ALGORITHM = var.jwt.algorithm },
    var.jwt.issuer == null ? {} : { JWT_ISSUER = var.jwt.issuer },
    var.jwt.audience == null ? {} : { JWT_AUDIENCE = var.jwt.audience },
  )
  jwt_secret = var.jwt.public_key_pem == null && var.jwt.jwks_url == null ? { JWT_SECRET = "jwt" } : {}

  node_environment = merge(local.telemetry, local.jwt, {
    LISTEN          = "0.0.0.0:${local.ports.connection-node}"
    NODE_ID         = "node"
    ALLOWED_ORIGINS = join(",", var.allowed_origins)
    MEDIA_URL       = local.url
    UPLOAD_URL      = local.upload_origin
    PING_INTERVAL   = tostring(var.ping.interval)
    PING_TIMEOUT    = tostring(var.ping.timeout)
    DRAIN_DELAY     = tostring(var.drain.delay)
    DRAIN_OVER      = tostring(var.drain.over)
  })
  media_environment = merge(local.jwt, {
    S3_BUCKET       = module.media.bucket
    S3_REGION       = var.region
    MEDIA_URL       = local.url
    ALLOWED_ORIGINS = join(",", var.allowed_origins)
  })

  environment = {
    connection-node = merge(local.nats, local.node_environment, {
      # The load balancer, and CloudFront before it: what stands further left a client may have made up.
      TRUSTED_PROXIES = join(",", concat([var.vpc_cidr], module.balancer.cloudfront_cidrs))
    })
    fanout-worker = merge(local.nats, local.telemetry, {
      LISTEN    = "0.0.0.0:${local.ports.fanout-worker}"
      WORKER_ID = "worker"
    })
    media-worker = merge(local.nats, local.telemetry, local.media_environment, {
      LISTEN   = "0.0.0.0:${local.ports.media-worker}"
      PARALLEL = tostring(var.media.parallel)
    })
    provision = local.nats
  }
  # The function's start script writes the authority's certificate, and the public key where there is one.
  lambda_environment = merge(
    { for name, value in local.media_environment : name => value if name != "JWT_PUBLIC_KEY_FILE" },
    { NATS_URL = module.jetstream.urls },
    var.jwt.public_key_pem == null ? {} : { JWT_PUBLIC_KEY_FILE_TEXT = var.jwt.public_key_pem },
  )

  # ---- secrets: which setting comes from which

  secrets = {
    connection-node = merge({ NATS_NKEY_SEED = "nats/node" }, local.jwt_secret)
    fanout-worker   = { NATS_NKEY_SEED = "nats/fanout" }
    # A secret of its own: the names of files stay when that of tokens changes.
    media-worker = merge({ NATS_NKEY_SEED = "nats/media", MEDIA_SECRET = "media" }, local.jwt_secret)
    provision    = { NATS_NKEY_SEED = "nats/admin" }
  }

  # ---- metrics: CloudWatch charges for each, so that only these are kept

  metrics_namespace = "Starling/${var.name}"
  metric_names = {
    connections = "starling_connections"
    repairs     = "starling_repairs_total"
    log_pending = "starling_worker_log_pending"
    partitions  = "starling_worker_partitions"
    redelivered = "starling_media_redeliveries_total"
    dead        = "starling_media_dead_letters_total"
    denied = {
      connection-node = "starling_nats_refusals_total"
      fanout-worker   = "starling_worker_nats_refusals_total"
      media-worker    = "starling_media_nats_refusals_total"
    }
  }
  metrics = {
    connection-node = [
      local.metric_names.connections, local.metric_names.repairs, local.metric_names.denied.connection-node, "starling_sockets", "starling_rooms",
      "starling_publishes_total", "starling_publishes_in_flight", "starling_emits_total",
      "starling_recoveries_total", "starling_transport_closes_total", "starling_send_queue_bytes",
    ]
    fanout-worker = [
      local.metric_names.log_pending, local.metric_names.partitions, local.metric_names.denied.fanout-worker, "starling_worker_leases_total",
      "starling_worker_deliveries_total", "starling_worker_outbox_batches", "starling_worker_publish_failures_total",
    ]
    media-worker = [
      local.metric_names.redelivered, local.metric_names.dead, local.metric_names.denied.media-worker, "starling_media_jobs_total", "starling_media_in_flight",
    ]
    nats = [
      "jetstream_consumer_num_redelivered", "jetstream_consumer_num_pending", "jetstream_consumer_num_ack_pending",
      "jetstream_server_total_messages", "jetstream_server_total_message_bytes", "gnatsd_varz_connections",
      "gnatsd_varz_slow_consumers",
    ]
  }

  collector = {
    for service in local.services : service => service == "provision" ? null : templatefile("${path.module}/observability/collector.yaml.tftpl", {
      service      = service
      region       = var.region
      namespace    = local.metrics_namespace
      log_group    = aws_cloudwatch_log_group.metrics.name
      metrics_port = local.ports[service]
      metrics      = local.metrics[service]
    })
  }
}
