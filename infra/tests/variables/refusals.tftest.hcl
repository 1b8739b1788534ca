# Wrong settings are refused when a plan is made, each by the variable that is wrong. This folder holds the
# root module's variables alone, so that fifty plans take no time: no provider is started.

variables {
  region               = "eu-central-1"
  domain_name          = "chat.example.org"
  zone_id              = "Z0123456789ABCDEFGHIJ"
  allowed_origins      = ["https://chat.example.org"]
  image_tag            = "0123abc"
  media_lambda_zip     = "files/media-lambda.zip"
  public_dir           = "files/public"
  socket_io_client_dir = "files/dist"
}

run "what_is_right" {
  command = plan
}

run "a_name_too_long_for_load_balancers" {
  command = plan

  variables {
    name = "starling-of-the-whole-company"
  }

  expect_failures = [var.name]
}

run "a_name_in_capitals" {
  command = plan

  variables {
    name = "Starling"
  }

  expect_failures = [var.name]
}

run "a_zone_for_a_region" {
  command = plan

  variables {
    region = "eu-central-1a"
  }

  expect_failures = [var.region]
}

run "a_url_for_a_domain" {
  command = plan

  variables {
    domain_name = "https://chat.example.org/"
  }

  expect_failures = [var.domain_name]
}

run "a_name_for_a_zone_id" {
  command = plan

  variables {
    zone_id = "example.org."
  }

  expect_failures = [var.zone_id]
}

run "no_origin" {
  command = plan

  variables {
    allowed_origins = []
  }

  expect_failures = [var.allowed_origins]
}

run "every_origin" {
  command = plan

  variables {
    allowed_origins = ["*"]
  }

  expect_failures = [var.allowed_origins]
}

run "every_origin_below_a_domain" {
  command = plan

  variables {
    allowed_origins = ["https://*.example.org"]
  }

  expect_failures = [var.allowed_origins]
}

run "an_origin_with_a_path" {
  command = plan

  variables {
    allowed_origins = ["https://chat.example.org/"]
  }

  expect_failures = [var.allowed_origins]
}

run "an_origin_without_tls" {
  command = plan

  variables {
    allowed_origins = ["http://chat.example.org"]
  }

  expect_failures = [var.allowed_origins]
}

run "a_network_too_small" {
  command = plan

  variables {
    vpc_cidr = "10.80.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "a_network_too_large" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0/8"
  }

  expect_failures = [var.vpc_cidr]
}

run "a_network_that_is_none" {
  command = plan

  variables {
    vpc_cidr = "10.80.0.0"
  }

  expect_failures = [var.vpc_cidr]
}

run "one_zone" {
  command = plan

  variables {
    zones = 1
  }

  expect_failures = [var.zones]
}

run "more_gateways_than_zones" {
  command = plan

  variables {
    nat_gateways = 4
  }

  expect_failures = [var.nat_gateways]
}

run "the_tag_latest" {
  command = plan

  variables {
    image_tag = "latest"
  }

  expect_failures = [var.image_tag]
}

run "no_archive" {
  command = plan

  variables {
    media_lambda_zip = "files/none.zip"
  }

  expect_failures = [var.media_lambda_zip]
}

run "no_page" {
  command = plan

  variables {
    public_dir = "files"
  }

  expect_failures = [var.public_dir]
}

run "no_socket_io_client" {
  command = plan

  variables {
    socket_io_client_dir = "files"
  }

  expect_failures = [var.socket_io_client_dir]
}

run "no_node" {
  command = plan

  variables {
    nodes = { min = 0 }
  }

  expect_failures = [var.nodes]
}

run "fewer_nodes_at_most_than_at_least" {
  command = plan

  variables {
    nodes = { min = 5, max = 3 }
  }

  expect_failures = [var.nodes]
}

run "more_connections_than_files" {
  command = plan

  variables {
    nodes = { connections = 100000 }
  }

  expect_failures = [var.nodes]
}

run "a_size_that_fargate_lacks" {
  command = plan

  variables {
    nodes = { cpu = 1000 }
  }

  expect_failures = [var.nodes]
}

run "less_memory_than_fargate_gives" {
  command = plan

  variables {
    fanout = { cpu = 1024, memory = 1024 }
  }

  expect_failures = [var.fanout]
}

run "more_workers_than_partitions" {
  command = plan

  variables {
    fanout = { max = 65 }
  }

  expect_failures = [var.fanout]
}

run "too_little_memory_for_files" {
  command = plan

  variables {
    media = { parallel = 8 }
  }

  expect_failures = [var.media]
}

run "a_function_too_small" {
  command = plan

  variables {
    media = { lambda_memory = 128 }
  }

  expect_failures = [var.media]
}

run "no_media_worker" {
  command = plan

  variables {
    media = { min = 0 }
  }

  expect_failures = [var.media]
}

run "two_nats_servers" {
  command = plan

  variables {
    nats = { servers = 2 }
  }

  expect_failures = [var.nats]
}

run "more_nats_servers_than_zones" {
  command = plan

  variables {
    zones = 2
    nats  = { servers = 3 }
  }

  expect_failures = [var.nats]
}

run "an_intel_machine" {
  command = plan

  variables {
    nats = { instance_type = "m7i.large" }
  }

  expect_failures = [var.nats]
}

run "a_volume_too_small" {
  command = plan

  variables {
    nats = { volume_gb = 1 }
  }

  expect_failures = [var.nats]
}

run "an_unknown_slot" {
  command = plan

  variables {
    edges = { three = { region = "us-west-2", vpc_cidr = "10.81.0.0/16" } }
  }

  expect_failures = [var.edges]
}

run "an_edge_in_the_hub" {
  command = plan

  variables {
    edges = { one = { region = "eu-central-1", vpc_cidr = "10.81.0.0/16" } }
  }

  expect_failures = [var.edges]
}

run "two_edges_in_a_region" {
  command = plan

  variables {
    edges = {
      one = { region = "us-west-2", vpc_cidr = "10.81.0.0/16" }
      two = { region = "us-west-2", vpc_cidr = "10.82.0.0/16" }
    }
  }

  expect_failures = [var.edges]
}

run "an_edge_without_a_network" {
  command = plan

  variables {
    edges = { one = { region = "us-west-2", vpc_cidr = "10.81.0.0" } }
  }

  expect_failures = [var.edges]
}

run "networks_that_are_one" {
  command = plan

  variables {
    edges = { one = { region = "us-west-2", vpc_cidr = "10.80.0.0/16" } }
  }

  expect_failures = [var.edges]
}

run "networks_that_overlap" {
  command = plan

  variables {
    edges = { one = { region = "us-west-2", vpc_cidr = "10.80.16.0/20" } }
  }

  expect_failures = [var.edges]
}

run "an_edge_without_nodes" {
  command = plan

  variables {
    edges = { one = { region = "us-west-2", vpc_cidr = "10.81.0.0/16", min = 0 } }
  }

  expect_failures = [var.edges]
}

run "two_keys_for_tokens" {
  command = plan

  variables {
    jwt = { public_key_pem = "-----BEGIN PUBLIC KEY-----", jwks_url = "https://id.example.org/keys" }
  }

  expect_failures = [var.jwt]
}

run "a_private_key" {
  command = plan

  variables {
    jwt = { public_key_pem = "-----BEGIN PRIVATE KEY-----" }
  }

  expect_failures = [var.jwt]
}

run "keys_without_tls" {
  command = plan

  variables {
    jwt = { jwks_url = "http://id.example.org/keys" }
  }

  expect_failures = [var.jwt]
}

run "an_unsafe_algorithm" {
  command = plan

  variables {
    jwt = { algorithm = "none" }
  }

  expect_failures = [var.jwt]
}

run "pings_too_far_apart" {
  command = plan

  variables {
    ping = { interval = 51 }
  }

  expect_failures = [var.ping]
}

run "a_drain_that_fargate_cuts" {
  command = plan

  variables {
    drain = { over = 110 }
  }

  expect_failures = [var.drain]
}

run "a_retention_that_is_not_offered" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "an_address_that_is_none" {
  command = plan

  variables {
    alarm_emails = ["ops"]
  }

  expect_failures = [var.alarm_emails]
}

run "a_budget_below_nothing" {
  command = plan

  variables {
    monthly_budget_usd = -1
  }

  expect_failures = [var.monthly_budget_usd]
}

run "an_unknown_price_class" {
  command = plan

  variables {
    price_class = "cheap"
  }

  expect_failures = [var.price_class]
}

run "a_web_acl_of_a_region" {
  command = plan

  variables {
    web_acl_arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/x/1"
  }

  expect_failures = [var.web_acl_arn]
}
