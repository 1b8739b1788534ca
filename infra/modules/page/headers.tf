# What browsers are told of the page and of files: what the node and the media worker say themselves
# where they serve them, with the places that uploads go to added.

locals {
  content_security_policy = join("; ", [
    "default-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    # Some browsers do not take wss: of the same host for 'self'.
    "connect-src 'self' wss://${var.domain_name} ${var.upload_origin}",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ])
}

resource "aws_cloudfront_response_headers_policy" "page" {
  name    = "${var.name}-page"
  comment = "The page of ${var.name}"

  security_headers_config {
    content_security_policy {
      content_security_policy = local.content_security_policy
      override                = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = false
      preload                    = false
      override                   = true
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "files" {
  name    = "${var.name}-files"
  comment = "What people have uploaded to ${var.name}"

  security_headers_config {
    # A file that a browser takes for a page can do nothing.
    content_security_policy {
      content_security_policy = "default-src 'none'; sandbox"
      override                = true
    }

    content_type_options {
      override = true
    }

    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = false
      preload                    = false
      override                   = true
    }
  }

  # Pages of other allowed origins show them too.
  custom_headers_config {
    items {
      header   = "cross-origin-resource-policy"
      value    = "cross-origin"
      override = true
    }
  }
}
