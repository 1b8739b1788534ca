# What an installation decides: what it is called, where it is, how it behaves. variables-sizes.tf has what
# runs, and how much of it. A wrong value is refused at plan time, with a sentence.

# ---- what it is, and where

variable "name" {
  description = "The name of the installation; it begins the name of everything made. Two installations in one account need two names."
  type        = string
  default     = "starling"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 20 characters of a-z, 0-9 and '-', begin with a letter and not end with '-': load balancers allow no longer ones."
  }
}

variable "region" {
  description = "The hub: the region of the log, the bucket, the workers and the first nodes."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's code, such as eu-central-1."
  }
}

variable "domain_name" {
  description = "The host name of the page and of everything that clients reach, such as chat.example.org."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name must be a host name in lower case, such as chat.example.org, without scheme or path."
  }
}

variable "zone_id" {
  description = "The public Route 53 zone that domain_name is in. Certificates are proven and names are made there."
  type        = string

  validation {
    condition     = can(regex("^[A-Z0-9]{5,32}$", var.zone_id))
    error_message = "zone_id must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ."
  }
}

variable "allowed_origins" {
  description = "Origins whose pages may connect and upload: that of the page itself, https://<domain_name>, and those of pages of your own."
  type        = list(string)

  validation {
    condition     = length(var.allowed_origins) > 0
    error_message = "allowed_origins is empty: name at least one origin, that of the page, such as https://chat.example.org."
  }
  validation {
    condition     = !anytrue([for origin in var.allowed_origins : strcontains(origin, "*")])
    error_message = "allowed_origins must name each origin: '*' would let the pages of anybody act for your users, and the services refuse it."
  }
  validation {
    condition = alltrue([
      for origin in var.allowed_origins : strcontains(origin, "*") ||
      can(regex("^(https://[a-z0-9.-]+|http://(localhost|127\\.0\\.0\\.1))(:[0-9]{1,5})?$", origin))
    ])
    error_message = "Each of allowed_origins must look like https://chat.example.org: https, a host, perhaps a port, and no path or '/' at the end. (http only for localhost.)"
  }
}

variable "tags" {
  description = "Further tags on everything."
  type        = map(string)
  default     = {}
}

variable "deletion_protection" {
  description = "Refuse to delete the load balancer, and keep the bucket and the volumes' last snapshots when the rest is destroyed."
  type        = bool
  default     = true
}

# ---- the network

variable "vpc_cidr" {
  description = "The addresses of the hub's network, /16 to /20."
  type        = string
  default     = "10.80.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr))
    error_message = "vpc_cidr must be a range of IPv4 addresses, such as 10.80.0.0/16."
  }
  validation {
    condition     = !can(cidrnetmask(var.vpc_cidr)) || try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 20, false)
    error_message = "vpc_cidr must be between /16 and /20: a smaller range has no room for three zones of nodes, and AWS takes no larger one."
  }
}

variable "zones" {
  description = "Availability zones to use: 2, or 3 (a cluster of three NATS servers needs three)."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3], var.zones)
    error_message = "zones must be 2 or 3: load balancers need two, and nothing here uses more than three."
  }
}

variable "nat_gateways" {
  description = "NAT gateways: 1 is cheap, one a zone outlives the loss of a zone. Messages never pass them: only image pulls, secrets, metrics and logs do."
  type        = number
  default     = 1

  validation {
    condition     = var.nat_gateways >= 1 && var.nat_gateways <= var.zones
    error_message = "nat_gateways must be between 1 and the number of zones."
  }
}

# ---- how it behaves

variable "jwt" {
  description = <<-EOT
    How tokens are proven: by the secret <name>/jwt (HS256) where nothing is set, by a public key in PEM,
    or by the keys of an identity provider under a JWKS URL. `algorithm` goes with the latter two; `issuer`
    and `audience` are what `iss` and `aud` of every token must be, where they are set.
  EOT
  type = object({
    public_key_pem = optional(string)
    jwks_url       = optional(string)
    algorithm      = optional(string, "RS256")
    issuer         = optional(string)
    audience       = optional(string)
  })
  default = {}

  validation {
    condition     = var.jwt.public_key_pem == null || var.jwt.jwks_url == null
    error_message = "jwt has both public_key_pem and jwks_url: give one of them."
  }
  validation {
    condition     = var.jwt.public_key_pem == null || can(regex("^-----BEGIN PUBLIC KEY-----", var.jwt.public_key_pem))
    error_message = "jwt.public_key_pem must begin with -----BEGIN PUBLIC KEY-----; never put a private key here."
  }
  validation {
    condition     = var.jwt.jwks_url == null || can(regex("^https://", var.jwt.jwks_url))
    error_message = "jwt.jwks_url must be an https URL."
  }
  validation {
    condition     = contains(["RS256", "ES256", "EdDSA"], var.jwt.algorithm)
    error_message = "jwt.algorithm must be RS256, ES256 or EdDSA."
  }
}

variable "ping" {
  description = "Seconds between pings to a client, and for its answer. The load balancer's idle timeout follows from them."
  type = object({
    interval = optional(number, 25)
    timeout  = optional(number, 20)
  })
  default = {}

  validation {
    condition     = var.ping.interval >= 5 && var.ping.interval <= 50 && var.ping.timeout >= 5 && var.ping.timeout <= 60
    error_message = "ping.interval must be between 5 and 50 seconds, and ping.timeout between 5 and 60: a long poll is answered by the next ping, and CloudFront waits for an answer for a minute."
  }
}

variable "drain" {
  description = "Seconds between a node's turning unready and closing connections, and over which it closes them."
  type = object({
    delay = optional(number, 5)
    over  = optional(number, 20)
  })
  default = {}

  validation {
    condition     = var.drain.delay >= 0 && var.drain.over >= 1 && var.drain.delay + var.drain.over <= 105
    error_message = "drain.delay and drain.over must be at most 105 seconds together: Fargate kills a task 120 seconds after it is told to stop."
  }
}

variable "log_retention_days" {
  description = "For how many days CloudWatch keeps logs."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be one of what CloudWatch offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "collector_image" {
  description = "The OpenTelemetry collector beside each service: AWS' distribution, or another that has its components."
  type        = string
  default     = "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3"
}

variable "init_image" {
  description = "An image with a shell, which lays certificates and keys in a task's memory before its service starts."
  type        = string
  default     = "public.ecr.aws/docker/library/busybox:1.37.0"
}

variable "alarm_emails" {
  description = "Who is told of alarms and of the budget. AWS asks each address to confirm."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$", address))])
    error_message = "Each of alarm_emails must be an e-mail address."
  }
}

variable "monthly_budget_usd" {
  description = "What a month may cost in US dollars before somebody is told; 0 for no budget."
  type        = number
  default     = 500

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "monthly_budget_usd must be 0, for none, or more."
  }
}

variable "price_class" {
  description = "Which of CloudFront's places serve: PriceClass_100 (North America, Europe), PriceClass_200 or PriceClass_All."
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class must be PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "web_acl_arn" {
  description = "A WAF web ACL of yours (scope CLOUDFRONT) to put before everything; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:aws[a-z-]*:wafv2:us-east-1:[0-9]{12}:global/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn must be the ARN of a web ACL for CloudFront, which is always in us-east-1."
  }
}
