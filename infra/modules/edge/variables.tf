variable "slot" {
  description = "The slot's name; it ends the names of what is made."
  type        = string
}

variable "edge" {
  description = "The region, its network and how many nodes."
  type = object({
    region   = string
    vpc_cidr = string
    zones    = number
    min      = number
    max      = number
    leaves   = number
  })
}

variable "settings" {
  description = "What every edge has in common with the hub: see edges.tf of the root module, which makes it."
  type = object({
    name              = string
    hub_region        = string
    hub_vpc_id        = string
    hub_vpc_cidr      = string
    hub_route_tables  = map(string)
    hub_leaf_urls     = list(string)
    internal_zone_id  = string
    nodes_host        = string
    zone_id           = string
    node_image        = string
    node_repository   = string
    nats_image        = string
    init_image        = string
    collector_image   = string
    metrics_namespace = string
    node_metrics      = list(string)
    connections_name  = string
    node_environment  = map(string)
    node_secrets      = map(string)
    node_plain_files  = map(string)
    node_port         = number
    node_size = object({
      cpu         = number
      memory      = number
      connections = number
    })
    stop_timeout  = number
    ca_secret     = string
    server_secret = string
    leaf_secret   = string
    leaf_config   = map(string)
    ping = object({
      interval = number
      timeout  = number
    })
    log_retention = number
    protect       = bool
  })
}
