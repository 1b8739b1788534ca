output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Its addresses."
  value       = aws_vpc.this.cidr_block
}

output "zones" {
  description = "Its availability zones, in order."
  value       = local.zones
}

output "public_subnet_ids" {
  description = "Subnets for load balancers, one a zone."
  value       = [for zone in local.zones : aws_subnet.public[zone].id]
}

output "private_subnet_ids" {
  description = "Subnets for what runs, one a zone, in the order of `zones`."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}

output "private_route_table_ids" {
  description = "The private subnets' route tables, by zone."
  value       = { for zone in local.zones : zone => aws_route_table.private[zone].id }
}
