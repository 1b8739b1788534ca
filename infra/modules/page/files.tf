# The page's files: those of public/, the Socket.IO client under /vendor/, and /config.json, which tells
# the page where media go.

locals {
  types = {
    html  = "text/html; charset=utf-8"
    css   = "text/css; charset=utf-8"
    js    = "text/javascript; charset=utf-8"
    json  = "application/json"
    svg   = "image/svg+xml"
    png   = "image/png"
    ico   = "image/x-icon"
    txt   = "text/plain; charset=utf-8"
    woff2 = "font/woff2"
    webp  = "image/webp"
    map   = "application/json"

    webmanifest = "application/manifest+json"
  }

  # Without hidden files and what npm keeps beside the page.
  page = {
    for path in fileset(var.public_dir, "**") : path => "${var.public_dir}/${path}"
    if !startswith(path, "node_modules/") && !anytrue([
      for part in split("/", path) : startswith(part, ".") || contains(["package.json", "package-lock.json"], part)
    ])
  }
  vendor = {
    for path in fileset(var.socket_io_client_dir, "socket.io.*") : "vendor/${path}" => "${var.socket_io_client_dir}/${path}"
    if strcontains(path, ".min.js")
  }
  files = merge(local.page, local.vendor)
}

resource "aws_s3_object" "page" {
  for_each = local.files

  bucket       = aws_s3_bucket.page.id
  key          = each.key
  source       = each.value
  source_hash  = filemd5(each.value)
  content_type = lookup(local.types, reverse(split(".", each.key))[0], "application/octet-stream")
  # Names carry no hash: browsers ask again each time, CloudFront for the most after a minute.
  cache_control = "no-cache, s-maxage=60"

  depends_on = [aws_s3_bucket_server_side_encryption_configuration.page]
}

resource "aws_s3_object" "config" {
  bucket        = aws_s3_bucket.page.id
  key           = "config.json"
  content       = jsonencode({ mediaUrl = "https://${var.domain_name}" })
  content_type  = "application/json"
  cache_control = "no-cache, s-maxage=60"

  depends_on = [aws_s3_bucket_server_side_encryption_configuration.page]
}
