# Where things are made: the hub's region, us-east-1 for what CloudFront wants there, and a slot for
# each edge region. Terraform wants providers spelled out; a further region is a further slot here, in
# edges.tf and in the validation of `var.edges`.

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias  = "global"
  region = "us-east-1"

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias  = "edge_one"
  region = try(var.edges["one"].region, var.region)

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias  = "edge_two"
  region = try(var.edges["two"].region, var.region)

  default_tags {
    tags = local.tags
  }
}
