# One service on Fargate (arm64): its task, its two roles, how many of it run. Beside the service a task
# holds an OpenTelemetry collector, and, where the service reads secrets from files, a container that
# lays them in the task's memory and ends before the service starts.

data "aws_region" "here" {}

data "aws_partition" "here" {}

locals {
  family     = "${var.cluster_name}-${var.service}"
  log_prefix = "service"
  files_dir  = "/run/starling"
  # ECS wants the secret, not the key in it, in policies: the first seven parts of the ARN.
  secret_arns = distinct([
    for from in concat(values(var.secrets), values(var.files)) :
    join(":", slice(split(":", from), 0, 7))
  ])

  logging = {
    logDriver = "awslogs"
    options = {
      awslogs-group         = aws_cloudwatch_log_group.this.name
      awslogs-region        = data.aws_region.here.name
      awslogs-stream-prefix = local.log_prefix
      # A service must not stand still because its logs do.
      mode            = "non-blocking"
      max-buffer-size = "4m"
    }
  }

  # The names of files are fixed here and their contents come as secrets, so that the shell sees neither.
  file_names  = sort(keys(var.files))
  plain_names = sort(keys(var.plain_files))
  has_files   = length(var.files) + length(var.plain_files) > 0
  init = {
    name                   = "files"
    image                  = var.init_image
    essential              = false
    readonlyRootFilesystem = true
    entryPoint             = ["/bin/sh", "-ec"]
    command = [join("\n", concat(
      [for at, name in local.file_names : "printf '%s\\n' \"$FILE_${at}\" > ${local.files_dir}/${name}; chmod 0444 ${local.files_dir}/${name}"],
      [for at, name in local.plain_names : "printf '%s\\n' \"$PLAIN_${at}\" > ${local.files_dir}/${name}; chmod 0444 ${local.files_dir}/${name}"],
    ))]
    environment      = [for at, name in local.plain_names : { name = "PLAIN_${at}", value = var.plain_files[name] }]
    secrets          = [for at, name in local.file_names : { name = "FILE_${at}", valueFrom = var.files[name] }]
    mountPoints      = [{ sourceVolume = "files", containerPath = local.files_dir, readOnly = false }]
    logConfiguration = local.logging
    linuxParameters  = { capabilities = { drop = ["ALL"] } }
  }

  app = {
    name                   = var.service
    image                  = var.image
    command                = var.command
    user                   = var.user
    essential              = true
    readonlyRootFilesystem = true
    stopTimeout            = var.stop_timeout
    environment            = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]
    secrets                = [for name in sort(keys(var.secrets)) : { name = name, valueFrom = var.secrets[name] }]
    portMappings           = [for port in var.ports : { containerPort = port, hostPort = port, protocol = "tcp" }]
    mountPoints            = local.has_files ? [{ sourceVolume = "files", containerPath = local.files_dir, readOnly = true }] : []
    dependsOn              = local.has_files ? [{ containerName = "files", condition = "SUCCESS" }] : []
    # Each connection is an open file.
    ulimits          = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]
    logConfiguration = local.logging
    linuxParameters  = { initProcessEnabled = false, capabilities = { drop = ["ALL"] } }
    healthCheck = var.health_check == null ? null : {
      command     = var.health_check
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
  }

  collector = {
    name                   = "collector"
    image                  = var.collector_image
    essential              = false
    readonlyRootFilesystem = true
    environment            = [{ name = "AOT_CONFIG_CONTENT", value = var.collector_config }]
    cpu                    = 32
    memoryReservation      = 64
    # It ends after the service, whose last spans it still sends.
    stopTimeout      = min(120, var.stop_timeout + 5)
    logConfiguration = local.logging
    linuxParameters  = { capabilities = { drop = ["ALL"] } }
  }

  containers = concat(
    local.has_files ? [local.init] : [],
    # Without nulls, which ECS would not give back.
    [{ for name, value in local.app : name => value if value != null }],
    var.collector_config == null ? [] : [local.collector],
  )
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.cluster_name}/${var.service}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.family
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode(local.containers)
  # The one before stays for a rollback.
  skip_destroy = var.keep_revisions

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  dynamic "volume" {
    for_each = local.has_files ? ["files"] : []

    content {
      name = volume.value
    }
  }

  lifecycle {
    precondition {
      condition     = var.stop_timeout >= 2 && var.stop_timeout <= 120
      error_message = "Fargate gives a task 2 to 120 seconds to stop."
    }
  }
}

# A task that is started by hand, for one job, has no service.
resource "aws_ecs_service" "this" {
  count = var.count_range == null ? 0 : 1

  name            = var.service
  cluster         = var.cluster_arn
  task_definition = aws_ecs_task_definition.this.arn
  launch_type     = "FARGATE"
  desired_count   = var.count_range.min
  propagate_tags  = "SERVICE"

  # A new version runs beside the old one; a task that is told to stop drains.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = var.target_group_arn == null ? null : 30
  availability_zone_rebalancing      = "ENABLED"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = var.security_group_ids
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = var.target_group_arn == null ? [] : [var.target_group_arn]

    content {
      target_group_arn = load_balancer.value
      container_name   = var.service
      container_port   = var.ports[0]
    }
  }

  dynamic "service_registries" {
    for_each = var.registry_arn == null ? [] : [var.registry_arn]

    content {
      registry_arn = service_registries.value
    }
  }

  lifecycle {
    # Autoscaling's from here on.
    ignore_changes = [desired_count]
  }

  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}
