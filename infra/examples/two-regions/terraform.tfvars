# As examples/prod, with nodes in a second region: give both files.
#
#   terraform -chdir=infra apply -var-file=examples/prod/terraform.tfvars -var-file=examples/two-regions/terraform.tfvars

edges = {
  one = {
    region   = "us-east-2"
    vpc_cidr = "10.81.0.0/16"
    min      = 2
    max      = 12
  }
}
