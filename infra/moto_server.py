"""A moto server for `infra/check`: AWS on this machine, with answers to the few calls that moto lacks.

Usage: python moto_server.py PORT

Each call that is added keeps what it was given and gives it back, as moto does; nothing here knows
what the Terraform configuration holds.
"""

import io
import itertools
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

CLOUDFRONT = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
ElementTree.register_namespace("", CLOUDFRONT)


def permission(bucket, action, resource):
    """What a bucket's policy says. moto reads "deny without TLS" as "deny": it knows no conditions."""
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    policy["Statement"] = [statement for statement in policy["Statement"] if "Condition" not in statement]
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


class Gaps:
    """WSGI middleware that answers what moto does not, and passes on the rest."""

    def __init__(self, application):
        self.application = application
        self.policies = {}
        self.headers = {}
        self.subscribers = {}
        self.tags = {}
        self.ids = itertools.count(1)

    def __call__(self, environ, start_response):
        service = re.search(r"/\d{8}/[^/]*/([a-z-]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        answer = None
        if target.startswith("AWSBudgetServiceGateway"):
            answer = self.budgets(target.rpartition(".")[2], environ)
        elif target.startswith("AnyScaleFrontendService") and target.endswith("Resource"):
            answer = self.scaling_tags(target.rpartition(".")[2], json.loads(self.body(environ)))
        elif service and service[1] == "dlm":
            answer = self.lifecycle_policies(method, path, environ)
        elif "/response-headers-policy" in path:
            answer = self.response_headers_policies(method, path, environ)
        elif method == "POST" and path.endswith("/hostedzone"):
            self.private_zone(environ)
        if answer is None:
            return self.application(environ, start_response)
        status, kind, body, *headers = answer
        reasons = {200: "OK", 201: "Created", 204: "No Content", 404: "Not Found"}
        body = body.encode()
        start_response(
            f"{status} {reasons[status]}",
            [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-RequestId", "0"), *headers],
        )
        return [body]

    @staticmethod
    def body(environ):
        return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))

    def private_zone(self, environ):
        """Route 53: a zone that is made with a network is private, whether or not the request says so."""
        raw = self.body(environ)
        if b"<VPC>" in raw and b"<PrivateZone>" not in raw:
            raw = raw.replace(b"</HostedZoneConfig>", b"<PrivateZone>true</PrivateZone></HostedZoneConfig>")
        environ["wsgi.input"] = io.BytesIO(raw)
        environ["CONTENT_LENGTH"] = str(len(raw))

    def budgets(self, action, environ):
        """Budgets: tags, and who is told."""
        kind = "application/x-amz-json-1.1"
        if action in ("ListTagsForResource", "TagResource", "UntagResource"):
            request = json.loads(self.body(environ))
            tags = self.tags.setdefault(request["ResourceARN"], {})
            tags.update({tag["Key"]: tag["Value"] for tag in request.get("ResourceTags", [])})
            for key in request.get("ResourceTagKeys", []):
                tags.pop(key, None)
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
            return 200, kind, json.dumps({"ResourceTags": listed} if action.startswith("List") else {})
        if action == "UpdateBudget":
            # moto cannot change a budget; as it was made it serves as well.
            return 200, kind, "{}"
        if action not in ("CreateNotification", "DescribeSubscribersForNotification"):
            return None
        raw = self.body(environ)
        environ["wsgi.input"] = io.BytesIO(raw)
        request = json.loads(raw)
        key = request["BudgetName"], request["Notification"]["NotificationType"]
        if action == "CreateNotification":
            self.subscribers[key] = request["Subscribers"]
            return None
        return 200, kind, json.dumps({"Subscribers": self.subscribers.get(key, [])})

    def scaling_tags(self, action, request):
        """Application Auto Scaling: tags."""
        tags = self.tags.setdefault(request["ResourceARN"], {})
        if action == "TagResource":
            tags.update(request["Tags"])
        if action == "UntagResource":
            for key in request["TagKeys"]:
                tags.pop(key, None)
        return 200, "application/x-amz-json-1.1", json.dumps({"Tags": tags} if action.startswith("List") else {})

    def lifecycle_policies(self, method, path, environ):
        """Data Lifecycle Manager: policies are made, read and deleted."""
        kind = "application/json"
        if method == "POST" and path == "/policies":
            policy = json.loads(self.body(environ))
            number = f"policy-{next(self.ids):017x}"
            region = re.search(r"/\d{8}/([^/]*)/", environ["HTTP_AUTHORIZATION"])[1]
            self.policies[number] = policy | {
                "PolicyId": number,
                "PolicyArn": f"arn:aws:dlm:{region}:123456789012:policy/{number}",
            }
            return 200, kind, json.dumps({"PolicyId": number})
        if path.startswith("/tags/"):
            return 200, kind, json.dumps({"Tags": {}})
        number = path.removeprefix("/policies/")
        if number not in self.policies:
            return 404, kind, json.dumps({"Code": "ResourceNotFoundException", "Message": number})
        if method == "DELETE":
            del self.policies[number]
            return 200, kind, "{}"
        return 200, kind, json.dumps({"Policy": self.policies[number]})

    def response_headers_policies(self, method, path, environ):
        """CloudFront's response headers policies: made, read, changed and deleted."""
        kind = "text/xml"
        number = path.rpartition("/response-headers-policy")[2].strip("/")
        if method == "POST":
            number = f"headers-{next(self.ids)}"
        elif number not in self.headers:
            error = "<ErrorResponse><Error><Code>NoSuchResponseHeadersPolicy</Code><Message>no</Message></Error></ErrorResponse>"
            return 404, kind, error
        if method in ("POST", "PUT"):
            self.headers[number] = ElementTree.fromstring(self.body(environ))
        if method == "DELETE":
            del self.headers[number]
            return 204, kind, ""
        policy = ElementTree.Element(f"{{{CLOUDFRONT}}}ResponseHeadersPolicy")
        ElementTree.SubElement(policy, f"{{{CLOUDFRONT}}}Id").text = number
        ElementTree.SubElement(policy, f"{{{CLOUDFRONT}}}LastModifiedTime").text = "2026-01-01T00:00:00Z"
        policy.append(self.headers[number])
        xml = ElementTree.tostring(policy, encoding="unicode")
        return (201 if method == "POST" else 200), kind, xml, ("ETag", "E1")


def main():
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    FakeBucket.get_permission = permission
    application = Gaps(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True)


if __name__ == "__main__":
    main()
