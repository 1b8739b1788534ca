# Who may speak with the servers: clients on 4222, the servers among themselves on 6222, leaves of other
# regions on 7422.

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-nats-"
  description = "The NATS servers of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-nats" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.this.id
  description                  = "Clients: ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 4222
  to_port                      = 4222
}

resource "aws_vpc_security_group_ingress_rule" "routes" {
  security_group_id            = aws_security_group.this.id
  description                  = "The other servers"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 6222
  to_port                      = 6222
}

resource "aws_vpc_security_group_ingress_rule" "leaves" {
  for_each = var.leaf_cidrs

  security_group_id = aws_security_group.this.id
  description       = "Leaves: ${each.key}"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 7422
  to_port           = 7422
}

resource "aws_vpc_security_group_egress_rule" "routes" {
  security_group_id            = aws_security_group.this.id
  description                  = "The other servers"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 6222
  to_port                      = 6222
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "Images, packages, secrets, metrics"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
