# The NATS servers that store: one a zone, each in an Auto Scaling group of one, so that a lost machine
# comes back by itself, finds its volume, takes its name again and catches up from the others. The
# volumes and the names outlive the machines.

data "aws_region" "here" {}

data "aws_partition" "here" {}

data "aws_caller_identity" "me" {}

data "aws_ssm_parameter" "amazon_linux" {
  count = var.ami_id == null ? 1 : 0

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64"
}

locals {
  servers = {
    for at in range(var.servers) : "nats-${at}" => {
      zone      = var.zones[at]
      subnet_id = var.subnet_ids[at]
      host      = "nats-${at}.${var.dns_zone_name}"
    }
  }
  hosts = [for name in sort(keys(local.servers)) : local.servers[name].host]

  # What infra/nats/ asks of the environment. The server parses values as it parses its files: their
  # quotes belong to them.
  config = var.servers == 1 ? "single.conf" : (var.leaves ? "hub.conf" : "cluster.conf")
  environment = {
    for name, server in local.servers : name => merge(
      {
        NATS_NAME      = name
        NATS_STORE_DIR = "\"/data\""
        NATS_CERT_FILE = "\"/etc/nats/tls/server.pem\""
        NATS_KEY_FILE  = "\"/etc/nats/tls/server.key\""
        NATS_CA_FILE   = "\"/etc/nats/tls/ca.pem\""
      },
      var.servers == 1 ? {} : { NATS_ROUTES = jsonencode([for host in local.hosts : "nats://${host}:6222"]) },
      local.config == "hub.conf" ? { NATS_LEAF_LISTEN = "\"0.0.0.0:7422\"" } : {},
    )
  }

  user_data = {
    for name, server in local.servers : name => templatefile("${path.module}/user-data.sh.tftpl", {
      region         = data.aws_region.here.name
      host           = server.host
      dns_zone_id    = var.dns_zone_id
      volume_id      = aws_ebs_volume.data[name].id
      secret_arn     = var.server_secret_arn
      image          = var.image
      exporter_image = var.exporter_image
      config         = local.config
      config_files   = { for file, content in var.config_files : file => base64gzip(content) }
      environment    = join("\n", [for key in sort(keys(local.environment[name])) : "${key}=${local.environment[name][key]}"])
      agent          = base64gzip(local.agent[name])
      prometheus     = base64gzip(local.prometheus[name])
      log_group      = aws_cloudwatch_log_group.this.name
    })
  }
}

resource "aws_ebs_volume" "data" {
  for_each = local.servers

  availability_zone = each.value.zone
  size              = var.volume_gb
  type              = "gp3"
  iops              = var.volume_iops
  encrypted         = true
  kms_key_id        = var.kms_key_arn
  # Whoever destroys all of this by mistake has this left.
  final_snapshot = var.keep_snapshots

  tags = {
    Name     = "${var.name}-${each.key}"
    Snapshot = var.name
  }
}

resource "aws_launch_template" "this" {
  for_each = local.servers

  name_prefix            = "${var.name}-${each.key}-"
  image_id               = coalesce(var.ami_id, try(data.aws_ssm_parameter.amazon_linux[0].insecure_value, null))
  instance_type          = var.instance_type
  user_data              = base64encode(local.user_data[each.key])
  update_default_version = true
  ebs_optimized          = true

  iam_instance_profile {
    arn = aws_iam_instance_profile.this[each.key].arn
  }

  metadata_options {
    http_tokens                 = "required"
    http_endpoint               = "enabled"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = 12
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  network_interfaces {
    associate_public_ip_address = false
    security_groups             = [aws_security_group.this.id]
    delete_on_termination       = true
  }

  monitoring {
    enabled = true
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
    }
  }
}

# A new launch template takes effect with the next machine: a rolling change is done by hand, one server
# at a time (infra/README.md), for three groups that refresh at once would stop the log.
resource "aws_autoscaling_group" "this" {
  for_each = local.servers

  name                      = "${var.name}-${each.key}"
  min_size                  = 1
  max_size                  = 1
  desired_capacity          = 1
  vpc_zone_identifier       = [each.value.subnet_id]
  health_check_type         = "EC2"
  health_check_grace_period = 180
  # The machine's volume is free, and its name right, before the group's next move.
  wait_for_capacity_timeout = "0"

  launch_template {
    id      = aws_launch_template.this[each.key].id
    version = "$Latest"
  }

  dynamic "tag" {
    for_each = merge(var.tags, { Name = "${var.name}-${each.key}" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.name}/nats"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
