# One key a region, for everything that is kept there: secrets, logs, volumes, files, alarms.

data "aws_caller_identity" "me" {}

data "aws_partition" "here" {}

data "aws_region" "here" {}

resource "aws_kms_key" "this" {
  description             = "Starling: ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.this.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

locals {
  account = data.aws_caller_identity.me.account_id
  here    = "arn:${data.aws_partition.here.partition}"
}

data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_109:The policy of a key says "*", which is the key itself
  #checkov:skip=CKV_AWS_111:The policy of a key says "*", which is the key itself
  #checkov:skip=CKV_AWS_356:The policy of a key says "*", which is the key itself
  # Who else may use it is said by IAM, in each role.
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["${local.here}:iam::${local.account}:root"]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${data.aws_region.here.name}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["${local.here}:logs:${data.aws_region.here.name}:${local.account}:log-group:/${var.name}/*"]
    }
  }

  statement {
    sid       = "Alarms"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  # Files come out by CloudFront. The distribution names the bucket, and the bucket this key: so the key
  # names every distribution of the account, and the bucket's policy the one.
  statement {
    sid       = "Files"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "AWS:SourceArn"
      values   = ["${local.here}:cloudfront::${local.account}:distribution/*"]
    }
  }
}
