# Everything that an installation decides. A wrong value is refused at plan time, with a sentence.

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

# ---- what runs

variable "image_tag" {
  description = "The tag of the services' images in the installation's own ECR repositories: a version or a commit."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag must be the tag of one build, such as a commit's hash; 'latest' could not be rolled back, and the repositories' tags are immutable."
  }
}

variable "media_lambda_zip" {
  description = "The archive of the media worker for Lambda, made by `docker build --target media-lambda` (infra/README.md)."
  type        = string

  validation {
    condition     = fileexists(var.media_lambda_zip)
    error_message = "media_lambda_zip names no file: build it first, as infra/README.md shows."
  }
}

variable "public_dir" {
  description = "The folder of the page."
  type        = string
  default     = "../public"

  validation {
    condition     = fileexists("${var.public_dir}/index.html")
    error_message = "public_dir has no index.html: it must be the folder of the page, ../public from here."
  }
}

variable "socket_io_client_dir" {
  description = "The folder `dist` of the npm package socket.io-client, which the page loads from /vendor/."
  type        = string
  default     = "../public/node_modules/socket.io-client/dist"

  validation {
    condition     = fileexists("${var.socket_io_client_dir}/socket.io.esm.min.js")
    error_message = "socket_io_client_dir has no socket.io.esm.min.js: run `npm ci --prefix public` in the root of the repository first."
  }
}

variable "nodes" {
  description = "The connection nodes of the hub's region: size of each, how many, and for how many connections each is meant."
  type = object({
    cpu         = optional(number, 1024)
    memory      = optional(number, 2048)
    min         = optional(number, 2)
    max         = optional(number, 10)
    connections = optional(number, 15000)
  })
  default = {}

  validation {
    condition     = var.nodes.min >= 1 && var.nodes.max >= var.nodes.min
    error_message = "nodes.min must be at least 1 and nodes.max at least nodes.min."
  }
  validation {
    condition     = var.nodes.connections >= 100 && var.nodes.connections <= 50000
    error_message = "nodes.connections must be between 100 and 50000: a task on Fargate has 65,535 file descriptors, and needs some for itself."
  }
  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192], var.nodes.cpu) && var.nodes.memory >= 2 * var.nodes.cpu && var.nodes.memory <= 8 * var.nodes.cpu
    error_message = "nodes.cpu must be 256, 512, 1024, 2048, 4096 or 8192, and nodes.memory (MiB) 2 to 8 times as much: what Fargate offers."
  }
}

variable "fanout" {
  description = "The fan-out workers: size of each, and how many. Two are enough for failover; partitions (64) bound what more can do."
  type = object({
    cpu    = optional(number, 512)
    memory = optional(number, 1024)
    min    = optional(number, 2)
    max    = optional(number, 8)
  })
  default = {}

  validation {
    condition     = var.fanout.min >= 1 && var.fanout.max >= var.fanout.min && var.fanout.max <= 64
    error_message = "fanout.min must be at least 1, and fanout.max between fanout.min and 64: more workers than partitions have nothing to own."
  }
  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192], var.fanout.cpu) && var.fanout.memory >= 2 * var.fanout.cpu && var.fanout.memory <= 8 * var.fanout.cpu
    error_message = "fanout.cpu must be 256, 512, 1024, 2048, 4096 or 8192, and fanout.memory (MiB) 2 to 8 times as much: what Fargate offers."
  }
}

variable "media" {
  description = "The media workers: those of the queue on Fargate (each file may take some 300 MB), and the function for uploads from the page."
  type = object({
    cpu                = optional(number, 512)
    memory             = optional(number, 1024)
    min                = optional(number, 1)
    max                = optional(number, 4)
    parallel           = optional(number, 2)
    lambda_memory      = optional(number, 1769)
    lambda_concurrency = optional(number, -1)
  })
  default = {}

  validation {
    condition     = var.media.min >= 1 && var.media.max >= var.media.min
    error_message = "media.min must be at least 1 and media.max at least media.min."
  }
  validation {
    condition     = var.media.parallel >= 1 && var.media.parallel * 300 <= var.media.memory
    error_message = "media.parallel must be at least 1, and leave each file some 300 MB of media.memory."
  }
  validation {
    condition     = var.media.lambda_memory >= 512 && var.media.lambda_memory <= 10240
    error_message = "media.lambda_memory must be between 512 and 10240 MB: a file may take some 300 MB."
  }
  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192], var.media.cpu) && var.media.memory >= 2 * var.media.cpu && var.media.memory <= 8 * var.media.cpu
    error_message = "media.cpu must be 256, 512, 1024, 2048, 4096 or 8192, and media.memory (MiB) 2 to 8 times as much: what Fargate offers."
  }
}

variable "nats" {
  description = "The JetStream servers, arm64: 3, one a zone, or 1 for trying things out. `ami_id` pins the machine image, the newest Amazon Linux 2023 otherwise."
  type = object({
    servers       = optional(number, 3)
    instance_type = optional(string, "t4g.medium")
    volume_gb     = optional(number, 50)
    volume_iops   = optional(number, 3000)
    image         = optional(string, "public.ecr.aws/docker/library/nats:2.15.1")
    exporter      = optional(string, "docker.io/natsio/prometheus-nats-exporter:0.17.3")
    ami_id        = optional(string)
  })
  default = {}

  validation {
    condition     = contains([1, 3], var.nats.servers)
    error_message = "nats.servers must be 3, one a zone, or 1 to try things out: a cluster of two stops when either is lost."
  }
  validation {
    condition     = var.nats.servers <= var.zones
    error_message = "nats.servers must not exceed zones: two servers in one zone would be lost together."
  }
  validation {
    condition     = can(regex("^[a-z]+[0-9]+g[a-z]*\\.", var.nats.instance_type))
    error_message = "nats.instance_type must be an arm64 one, such as t4g.medium or m7g.large."
  }
  validation {
    condition     = var.nats.volume_gb >= 10 && var.nats.volume_gb <= 16384 && var.nats.volume_iops >= 3000 && var.nats.volume_iops <= 16000
    error_message = "nats.volume_gb must be between 10 and 16384 and nats.volume_iops between 3000 and 16000: what gp3 offers."
  }
}

variable "edges" {
  description = <<-EOT
    Further regions with nodes of their own. Each gets a network, a NATS leaf that is linked to the hub's
    servers, and nodes behind a load balancer; clients reach the nearest by latency. The log stays in the
    hub. The keys are the slots "one" and "two" of providers.tf.
  EOT
  type = map(object({
    region   = string
    vpc_cidr = string
    zones    = optional(number, 2)
    min      = optional(number, 2)
    max      = optional(number, 10)
    leaves   = optional(number, 2)
  }))
  default = {}

  validation {
    condition     = alltrue([for slot in keys(var.edges) : contains(["one", "two"], slot)])
    error_message = "The keys of edges must be \"one\" and \"two\": the slots that providers.tf has. A further region needs a further slot."
  }
  validation {
    condition     = !contains([for edge in values(var.edges) : edge.region], var.region)
    error_message = "An edge is in the hub's region: raise nodes.max there instead."
  }
  validation {
    condition     = length(distinct([for edge in values(var.edges) : edge.region])) == length(var.edges)
    error_message = "Two edges are in the same region: raise the one's max instead."
  }
  validation {
    condition     = alltrue([for edge in values(var.edges) : can(cidrnetmask(edge.vpc_cidr)) && try(tonumber(split("/", edge.vpc_cidr)[1]) >= 16 && tonumber(split("/", edge.vpc_cidr)[1]) <= 20, false)])
    error_message = "Each edge's vpc_cidr must be a range of IPv4 addresses between /16 and /20, such as 10.81.0.0/16."
  }
  validation {
    # Ranges of /16 or less overlap only where the wider one's first address is the same of both.
    condition = try(alltrue([
      for pair in setproduct(concat([var.vpc_cidr], [for edge in values(var.edges) : edge.vpc_cidr]), concat([var.vpc_cidr], [for edge in values(var.edges) : edge.vpc_cidr])) :
      pair[0] == pair[1] || cidrhost("${split("/", pair[0])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0) != cidrhost("${split("/", pair[1])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0)
    ]) && length(distinct(concat([var.vpc_cidr], [for edge in values(var.edges) : edge.vpc_cidr]))) == length(var.edges) + 1, true)
    error_message = "The networks of the hub and the edges are linked, so that their addresses must not overlap: give each a range of its own, such as 10.80.0.0/16 and 10.81.0.0/16."
  }
  validation {
    condition     = alltrue([for edge in values(var.edges) : contains([2, 3], edge.zones) && edge.min >= 1 && edge.max >= edge.min && edge.leaves >= 1])
    error_message = "Each edge needs zones of 2 or 3, min of at least 1, max of at least min, and leaves of at least 1."
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
