# What one server may do: take its own volume and its own name, read its secret, write logs and metrics.

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.servers

  name_prefix        = "${var.name}-${each.key}-"
  description        = "The NATS server ${each.key} of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_instance_profile" "this" {
  for_each = local.servers

  name_prefix = "${var.name}-${each.key}-"
  role        = aws_iam_role.this[each.key].name
}

# A shell on the machine by Session Manager, without SSH and without a port.
resource "aws_iam_role_policy_attachment" "session" {
  for_each = local.servers

  role       = aws_iam_role.this[each.key].name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_role_policy" "this" {
  for_each = local.servers

  name   = "server"
  role   = aws_iam_role.this[each.key].id
  policy = data.aws_iam_policy_document.this[each.key].json
}

locals {
  arn = "arn:${data.aws_partition.here.partition}"
  own = "${data.aws_region.here.name}:${data.aws_caller_identity.me.account_id}"
}

data "aws_iam_policy_document" "this" {
  for_each = local.servers

  statement {
    sid       = "Volume"
    actions   = ["ec2:AttachVolume"]
    resources = [aws_ebs_volume.data[each.key].arn]
  }

  statement {
    sid       = "VolumeToMachine"
    actions   = ["ec2:AttachVolume"]
    resources = ["${local.arn}:ec2:${local.own}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Name"
      values   = ["${var.name}-${each.key}"]
    }
  }

  statement {
    sid = "VolumeState"
    # The call knows no resources.
    actions   = ["ec2:DescribeVolumes"]
    resources = ["*"]
  }

  statement {
    sid       = "Name"
    actions   = ["route53:ChangeResourceRecordSets"]
    resources = ["${local.arn}:route53:::hostedzone/${var.dns_zone_id}"]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
      values   = [each.value.host]
    }
  }

  statement {
    sid       = "Secret"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.server_secret_arn]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }

  statement {
    sid       = "VolumeKey"
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }

  statement {
    sid     = "Logs"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = [
      "${aws_cloudwatch_log_group.this.arn}:*",
      "${local.arn}:logs:${local.own}:log-group:${var.metrics_log_group}:*",
    ]
  }

  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [var.metrics_namespace]
    }
  }
}
