# What runs: artifacts, and the size and number of each part, in every region.

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
  description = "The fan-out workers: size of each, and how many. A worker uses one core (1024) at most. Two are enough for failover; partitions (64) bound what more can do."
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
