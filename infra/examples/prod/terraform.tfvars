# A small team's production: three zones, three NATS servers, nodes that come and go with the load; for
# some 30,000 connections as it stands, and more by its maxima.
#
#   terraform -chdir=infra apply -var-file=examples/prod/terraform.tfvars

name            = "starling"
region          = "eu-central-1"
domain_name     = "chat.example.org"
zone_id         = "Z0123456789ABCDEFGHIJ"
allowed_origins = ["https://chat.example.org", "https://www.example.org"]

image_tag        = "0123abc"
media_lambda_zip = "build/media-lambda.zip"

# Tokens come from the company's identity provider.
jwt = {
  jwks_url  = "https://id.example.org/.well-known/jwks.json"
  algorithm = "ES256"
  issuer    = "https://id.example.org/"
  audience  = "chat"
}

nats   = { instance_type = "m7g.large", volume_gb = 100 }
nodes  = { min = 3, max = 12 }
fanout = { min = 2, max = 6 }
media  = { min = 2, max = 6 }

nat_gateways       = 2
alarm_emails       = ["ops@example.org"]
monthly_budget_usd = 900
tags               = { Team = "platform" }
