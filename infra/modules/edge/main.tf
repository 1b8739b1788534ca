# Nodes in a region of their own: a network linked to the hub's, NATS leaves that speak with the hub's
# servers, and connection nodes that speak with the leaves. Nothing is stored here.

locals {
  name = "${var.settings.name}-${var.slot}"
  # Log groups begin with the key's name.
  own_region = var.edge.region
  files_dir  = "/run/starling"
  leaves     = [for at in range(var.edge.leaves) : "leaf-${at}"]
  namespace  = "${var.slot}.${var.settings.name}.internal"

  # The hub's secrets, as they are replicated here.
  here = { for name, arn in merge(var.settings.node_secrets, {
    ca     = var.settings.ca_secret
    server = var.settings.server_secret
    leaf   = var.settings.leaf_secret
  }) : name => replace(arn, ":${var.settings.hub_region}:", ":${local.own_region}:") }
}

module "key" {
  source = "../key"

  name = local.name
}

module "network" {
  source = "../network"

  name               = local.name
  cidr               = var.edge.vpc_cidr
  zones              = var.edge.zones
  nat_gateways       = 1
  log_retention_days = var.settings.log_retention
  kms_key_arn        = module.key.arn
}

# ---- the link to the hub

resource "aws_vpc_peering_connection" "hub" {
  vpc_id      = module.network.vpc_id
  peer_vpc_id = var.settings.hub_vpc_id
  peer_region = var.settings.hub_region
  auto_accept = false

  tags = { Name = local.name }
}

resource "aws_vpc_peering_connection_accepter" "hub" {
  provider = aws.hub

  vpc_peering_connection_id = aws_vpc_peering_connection.hub.id
  auto_accept               = true

  tags = { Name = local.name }
}

resource "aws_route" "to_hub" {
  for_each = module.network.private_route_table_ids

  route_table_id            = each.value
  destination_cidr_block    = var.settings.hub_vpc_cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.hub.vpc_peering_connection_id
}

resource "aws_route" "from_hub" {
  provider = aws.hub
  for_each = var.settings.hub_route_tables

  route_table_id            = each.value
  destination_cidr_block    = var.edge.vpc_cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.hub.vpc_peering_connection_id
}

# The names of the hub's servers hold here too.
resource "aws_route53_zone_association" "hub" {
  provider = aws.hub

  zone_id    = var.settings.internal_zone_id
  vpc_id     = module.network.vpc_id
  vpc_region = local.own_region
}

# ---- what runs here

resource "aws_ecs_cluster" "this" {
  name = local.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "metrics" {
  name              = "/${local.name}/metrics"
  retention_in_days = 14
  kms_key_id        = module.key.arn
}

resource "aws_security_group" "this" {
  for_each = toset(["leaf", "connection-node"])

  name_prefix = "${local.name}-${each.key}-"
  description = "Tasks of ${each.key}"
  vpc_id      = module.network.vpc_id

  tags = { Name = "${local.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = aws_security_group.this

  security_group_id = each.value.id
  description       = "Images, secrets, metrics and traces"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "hub" {
  security_group_id = aws_security_group.this["leaf"].id
  description       = "The hub's NATS servers"
  cidr_ipv4         = var.settings.hub_vpc_cidr
  ip_protocol       = "tcp"
  from_port         = 7422
  to_port           = 7422
}

resource "aws_vpc_security_group_egress_rule" "leaf" {
  security_group_id            = aws_security_group.this["connection-node"].id
  description                  = "Leaves"
  referenced_security_group_id = aws_security_group.this["leaf"].id
  ip_protocol                  = "tcp"
  from_port                    = 4222
  to_port                      = 4222
}

resource "aws_vpc_security_group_ingress_rule" "leaf" {
  security_group_id            = aws_security_group.this["leaf"].id
  description                  = "Connection nodes"
  referenced_security_group_id = aws_security_group.this["connection-node"].id
  ip_protocol                  = "tcp"
  from_port                    = 4222
  to_port                      = 4222
}
