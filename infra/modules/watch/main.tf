# Who is told, and of what: alarms on what clients would notice next, and a budget.

resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  display_name      = "Starling: ${var.name}"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  # Each a figure that its source says by itself; a silent source is an alarm only where silence is one.
  alarms = {
    lag = {
      description = "Fan-out is behind the log: messages are stored, and come late. More workers, or a stuck one?"
      metric      = var.metric_names.log_pending
      service     = "fanout-worker"
      statistic   = "Maximum"
      above       = 5000
      minutes     = 3
      silence     = "missing"
    }
    workers = {
      description = "No fan-out worker says anything: messages are stored, and come to nobody."
      metric      = var.metric_names.partitions
      service     = "fanout-worker"
      statistic   = "SampleCount"
      below       = 1
      minutes     = 3
      silence     = "breaching"
    }
    redeliveries = {
      description = "Jobs come again and again: a media worker dies of a file, or takes too long."
      metric      = var.metric_names.redelivered
      service     = "media-worker"
      statistic   = "Sum"
      above       = 20
      minutes     = 5
      silence     = "missing"
    }
    dead-letters = {
      description = "A file was given up after several attempts: the stream MEDIA_DEAD says which, and why."
      metric      = var.metric_names.dead
      service     = "media-worker"
      statistic   = "Sum"
      above       = 0
      minutes     = 1
      silence     = "notBreaching"
    }
    storage = {
      description = "A NATS server's volume is filling up: at the end nothing is stored any more. Raise nats.volume_gb, or keep less."
      metric      = "nats_disk_used_percent"
      service     = null
      statistic   = "Maximum"
      above       = 75
      minutes     = 5
      silence     = "breaching"
    }
    repairs = {
      description = "Nodes read the log to close gaps more often than restarts explain: deliveries get lost."
      metric      = var.metric_names.repairs
      service     = "connection-node"
      statistic   = "Sum"
      above       = 1000
      minutes     = 5
      silence     = "missing"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "own" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = var.metrics_namespace
  metric_name         = each.value.metric
  dimensions          = each.value.service == null ? {} : { service = each.value.service }
  statistic           = each.value.statistic
  comparison_operator = try(each.value.above, null) == null ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = try(each.value.above, each.value.below)
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.silence
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

# Whose worker does not renew its session, a partition is nobody's after three seconds: its rooms get nothing. Each worker
# tells how many it owns, twice a minute; that is ten times in five.
resource "aws_cloudwatch_metric_alarm" "unowned" {
  alarm_name          = "${var.name}-unowned"
  alarm_description   = "Partitions without an owner: leases are not taken, or workers cannot renew their sessions. Are there workers, and do they reach NATS?"
  comparison_operator = "LessThanThreshold"
  # A tenth is left for workers that come and go, and for a reading that falls into the next five minutes.
  threshold          = 0.9 * var.partitions
  evaluation_periods = 1
  treat_missing_data = "breaching"
  alarm_actions      = [aws_sns_topic.this.arn]
  ok_actions         = [aws_sns_topic.this.arn]

  metric_query {
    id          = "owned"
    label       = "Partitions with an owner"
    expression  = "told / 10"
    return_data = true
  }

  metric_query {
    id          = "told"
    return_data = false

    metric {
      namespace   = var.metrics_namespace
      metric_name = var.metric_names.partitions
      dimensions  = { service = "fanout-worker" }
      period      = 300
      stat        = "Sum"
    }
  }
}

# A role's permissions (infra/nats/roles.conf) lack what a service needs, or somebody tries what they may not.
resource "aws_cloudwatch_metric_alarm" "denied" {
  alarm_name          = "${var.name}-denied"
  alarm_description   = "NATS denies a service something: its role lacks a permission, or its key is in wrong hands. The service's log says what."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]

  metric_query {
    id          = "all"
    label       = "What NATS has denied"
    expression  = join(" + ", [for service in keys(var.metric_names.denied) : "FILL(of_${replace(service, "-", "_")}, 0)"])
    return_data = true
  }

  dynamic "metric_query" {
    for_each = var.metric_names.denied

    content {
      id          = "of_${replace(metric_query.key, "-", "_")}"
      return_data = false

      metric {
        namespace   = var.metrics_namespace
        metric_name = metric_query.value
        dimensions  = { service = metric_query.key }
        period      = 300
        stat        = "Sum"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "balancer_5xx" {
  alarm_name          = "${var.name}-5xx"
  alarm_description   = "More than 1 % of what clients ask is answered with 5xx, by the load balancer or by nodes."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]

  metric_query {
    id          = "share"
    label       = "5xx in percent"
    expression  = "100 * (FILL(elb, 0) + FILL(nodes, 0)) / requests"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      requests = "RequestCount"
      elb      = "HTTPCode_ELB_5XX_Count"
      nodes    = "HTTPCode_Target_5XX_Count"
    }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = { LoadBalancer = var.balancer_suffix }
        period      = 60
        stat        = "Sum"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "unready" {
  alarm_name          = "${var.name}-no-node"
  alarm_description   = "No connection node is ready: nobody can connect."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = { LoadBalancer = var.balancer_suffix, TargetGroup = var.target_group_suffix }
  statistic           = "Maximum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 2
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "uploads_5xx" {
  alarm_name          = "${var.name}-uploads-5xx"
  alarm_description   = "Uploads fail with 5xx: see the logs of the function media-lambda."
  namespace           = "AWS/ApiGateway"
  metric_name         = "5xx"
  dimensions          = { ApiId = var.api_id }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
}

resource "aws_budgets_budget" "this" {
  count = var.monthly_budget_usd > 0 ? 1 : 0

  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  # Only what is tagged as this installation's; the tag must be activated for billing once.
  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Installation%s%s", "$", var.name)]
  }

  dynamic "notification" {
    for_each = length(var.emails) == 0 ? {} : {
      FORECASTED = 100
      ACTUAL     = 80
    }

    content {
      notification_type          = notification.key
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      comparison_operator        = "GREATER_THAN"
      subscriber_email_addresses = var.emails
    }
  }
}
