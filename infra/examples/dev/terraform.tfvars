# The smallest that works, to try things out: one NATS server, one node, two zones. It keeps messages over
# a restart, and does not outlive the loss of its zone. Some 130 dollars a month.
#
#   terraform -chdir=infra apply -var-file=examples/dev/terraform.tfvars

name            = "starling-dev"
region          = "eu-central-1"
domain_name     = "chat-dev.example.org"
zone_id         = "Z0123456789ABCDEFGHIJ"
allowed_origins = ["https://chat-dev.example.org", "http://localhost:3000"]

image_tag        = "0123abc"
media_lambda_zip = "build/media-lambda.zip"

zones  = 2
nats   = { servers = 1, instance_type = "t4g.small", volume_gb = 10 }
nodes  = { cpu = 256, memory = 512, min = 1, max = 2, connections = 2000 }
fanout = { cpu = 256, memory = 512, min = 1, max = 2 }
media  = { cpu = 256, memory = 1024, min = 1, max = 1 }

deletion_protection = false
log_retention_days  = 7
monthly_budget_usd  = 250
alarm_emails        = ["dev@example.org"]
