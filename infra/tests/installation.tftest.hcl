# What an installation is made of, by what its plan says. That AWS would take it is tried against moto.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "global"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "edge_one"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "edge_two"
  source = "./tests/mocks"
}

variables {
  region               = "eu-central-1"
  domain_name          = "chat.example.org"
  zone_id              = "Z0123456789ABCDEFGHIJ"
  allowed_origins      = ["https://chat.example.org", "https://app.example.org", "http://localhost:8080"]
  image_tag            = "0123abc"
  media_lambda_zip     = "tests/files/media-lambda.zip"
  public_dir           = "tests/files/public"
  socket_io_client_dir = "tests/files/dist"
  alarm_emails         = ["ops@example.org"]
}

run "by_default" {
  command = plan

  assert {
    condition     = output.url == "https://chat.example.org"
    error_message = "The URL is that of the domain."
  }
  assert {
    condition     = output.nats.hosts == ["nats-0.starling.internal", "nats-1.starling.internal", "nats-2.starling.internal"]
    error_message = "Three NATS servers, each with a name that stays."
  }
  assert {
    condition     = length(output.edges) == 0
    error_message = "No other region unless asked for."
  }
  assert {
    condition     = length(output.alarms.names) == 11
    error_message = "Every alarm is named."
  }
  assert {
    condition     = local.environment["connection-node"].NATS_URL == "tls://nats-0.starling.internal:4222,tls://nats-1.starling.internal:4222,tls://nats-2.starling.internal:4222"
    error_message = "Services speak with NATS by TLS alone."
  }
  assert {
    condition     = local.environment["connection-node"].TRUSTED_PROXIES == "10.80.0.0/16,130.176.0.0/18"
    error_message = "Who a client is is told by the load balancer and by CloudFront, and by nobody else."
  }
  assert {
    condition     = local.stop_timeouts.connection-node > var.drain.delay + var.drain.over
    error_message = "A node is killed before it has drained."
  }
  assert {
    condition     = module.balancer.idle_timeout > var.ping.interval + var.ping.timeout
    error_message = "The load balancer closes connections that are alive."
  }
  assert {
    condition     = !anytrue([for environment in values(local.environment) : anytrue([for name in keys(environment) : endswith(name, "_SECRET") || endswith(name, "_SEED")])])
    error_message = "A secret stands in a task's plain settings."
  }
  assert {
    condition     = local.secrets.connection-node.JWT_SECRET == "jwt" && !contains(keys(local.secrets.fanout-worker), "JWT_SECRET")
    error_message = "Tokens are for nodes and media workers alone."
  }
  assert {
    condition     = length(aws_ecr_repository.this) == 4 && alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "Four repositories whose tags stay what they are."
  }
}

run "small" {
  command = plan

  variables {
    zones               = 2
    nats                = { servers = 1 }
    nodes               = { cpu = 256, memory = 512, min = 1, max = 1 }
    deletion_protection = false
    monthly_budget_usd  = 0
  }

  assert {
    condition     = output.nats.hosts == ["nats-0.starling.internal"]
    error_message = "One NATS server where one is asked for."
  }
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.recovery_window_in_days == 0])
    error_message = "Names of secrets are free again at once."
  }
}

run "by_public_key" {
  command = plan

  variables {
    jwt = { public_key_pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", algorithm = "ES256" }
  }

  assert {
    condition     = local.environment["connection-node"].JWT_PUBLIC_KEY_FILE == "/run/starling/jwt.pem" && !contains(keys(local.secrets.connection-node), "JWT_SECRET")
    error_message = "A public key takes the secret's place."
  }
}

run "over_three_regions" {
  command = plan

  variables {
    edges = {
      one = { region = "us-west-2", vpc_cidr = "10.81.0.0/16" }
      two = { region = "ap-southeast-1", vpc_cidr = "10.82.0.0/20", leaves = 3 }
    }
  }

  assert {
    condition     = output.edges.one.leaves == ["leaf-0.one.starling.internal", "leaf-1.one.starling.internal"] && length(output.edges.two.leaves) == 3
    error_message = "Each edge has the leaves asked for, each with a name of its own."
  }
  assert {
    condition     = output.edges.one.region == "us-west-2" && output.edges.two.region == "ap-southeast-1"
    error_message = "Edges are where they were asked for."
  }
  assert {
    condition     = contains(local.replicated, "nats/server") && contains(local.replicated, "nats/node") && !contains(local.replicated, "nats/admin")
    error_message = "What tasks there read is replicated there, and nothing else."
  }
}

# The other refusals are in tests/variables.
run "two_nats_servers" {
  command = plan

  variables {
    nats = { servers = 2 }
  }

  expect_failures = [var.nats]
}
