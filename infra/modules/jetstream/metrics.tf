# What a server tells CloudWatch: how full its volume is, and what JetStream says of itself.

locals {
  agent = {
    for name, server in local.servers : name => jsonencode({
      agent = { run_as_user = "cwagent" }
      metrics = {
        namespace         = var.metrics_namespace
        append_dimensions = {}
        metrics_collected = {
          disk = {
            resources                   = ["/var/lib/nats"]
            measurement                 = [{ name = "used_percent", rename = "nats_disk_used_percent" }]
            drop_device                 = true
            metrics_collection_interval = 60
          }
        }
        aggregation_dimensions = [[]]
      }
      logs = {
        metrics_collected = {
          prometheus = {
            prometheus_config_path = "/etc/nats/prometheus.yaml"
            log_group_name         = var.metrics_log_group
            emf_processor = {
              metric_namespace = var.metrics_namespace
              metric_declaration = [{
                source_labels    = ["job"]
                label_matcher    = "^nats$"
                dimensions       = [["service"]]
                metric_selectors = [for metric in var.metric_names : "^${metric}$"]
              }]
            }
          }
        }
      }
    })
  }

  prometheus = {
    for name, server in local.servers : name => yamlencode({
      global = { scrape_interval = "30s" }
      scrape_configs = [{
        job_name = "nats"
        static_configs = [{
          targets = ["127.0.0.1:7777"]
          labels  = { service = "nats" }
        }]
      }]
    })
  }
}
