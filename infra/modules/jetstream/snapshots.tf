# A snapshot of each volume every day, kept for a week: against mistakes, which three replicas repeat.

resource "aws_iam_role" "snapshots" {
  count = var.snapshots ? 1 : 0

  name_prefix        = "${var.name}-snapshots-"
  description        = "Snapshots of the NATS servers' volumes"
  assume_role_policy = data.aws_iam_policy_document.snapshots_assume.json
}

data "aws_iam_policy_document" "snapshots_assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["dlm.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy_attachment" "snapshots" {
  count = var.snapshots ? 1 : 0

  role       = aws_iam_role.snapshots[0].name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
}

resource "aws_dlm_lifecycle_policy" "snapshots" {
  count = var.snapshots ? 1 : 0

  description        = "Volumes of the NATS servers of ${var.name}"
  execution_role_arn = aws_iam_role.snapshots[0].arn
  state              = "ENABLED"

  policy_details {
    resource_types = ["VOLUME"]
    target_tags    = { Snapshot = var.name }

    schedule {
      name      = "daily"
      copy_tags = true

      create_rule {
        interval      = 24
        interval_unit = "HOURS"
        times         = ["03:00"]
      }

      retain_rule {
        count = 7
      }
    }
  }
}
