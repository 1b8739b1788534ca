output "summary" {
  description = "What an operator needs to find it again."
  value = {
    region        = local.own_region
    cluster       = aws_ecs_cluster.this.name
    load_balancer = module.balancer.dns_name
    nodes_log     = module.node.log_group
    leaves        = [for leaf in local.leaves : "${leaf}.${local.namespace}"]
  }
}
