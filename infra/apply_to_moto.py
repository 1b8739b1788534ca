"""Applies the configuration to moto, looks at what is there, adds a region, looks again, destroys it all.

Usage: python apply_to_moto.py ROOT TERRAFORM_DIR PUBLIC_DIR SOCKET_IO_CLIENT_DIR MEDIA_LAMBDA_ZIP NATS_SERVER

ROOT is the repository's; TERRAFORM_DIR is a copy of infra/ that may be written to, after `terraform init`. What is asserted is
what an operator or a client would miss: that it exists, is reachable where it must be and closed where
it must be, and that nothing secret is in an output or in the state.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

from known_settings import faults, unknown_metrics
from moto_process import Moto

NAME, HUB, EDGE, DOMAIN = "starling-ci", "eu-central-1", "us-west-2", "chat.example.org"
SECRETS = {"JWT_SECRET", "MEDIA_SECRET", "NATS_NKEY_SEED"}
LIMIT = 420  # seconds for one terraform command
if len(sys.argv) != 7:
    sys.exit(__doc__)
ROOT = Path(sys.argv[1]).resolve()
HERE = Path(__file__).resolve().parent
STARTED = time.monotonic()


def say(text):
    print(f"moto: {text} ({time.monotonic() - STARTED:.0f} s)", flush=True)


def expect(condition, sentence):
    if not condition:
        raise SystemExit(f"moto: {sentence}")


class Terraform:
    """Terraform against moto, in one folder."""

    def __init__(self, folder, moto):
        self.folder = folder
        self.environment = moto.environment() | {"TF_IN_AUTOMATION": "1"}

    def run(self, *arguments):
        log = self.folder / f"{arguments[0]}.log"
        with open(log, "w") as output:
            try:
                done = subprocess.run(
                    ["terraform", *arguments, "-no-color"], cwd=self.folder, env=self.environment,
                    stdout=output, stderr=subprocess.STDOUT, timeout=LIMIT, stdin=subprocess.DEVNULL,
                )
            except subprocess.TimeoutExpired:
                waiting = sorted(set(re.findall(r"^(\S+): Still \w+", log.read_text()[-4000:], re.M)))
                raise SystemExit(f"moto: terraform {arguments[0]} took more than {LIMIT} s; it waited for {waiting}")
        text = log.read_text()
        if done.returncode:
            at = text.find("Error:")
            raise SystemExit(f"moto: terraform {arguments[0]} failed:\n{text[max(at, 0):][:4000]}")
        summary = re.search(r"^(?:Apply|Destroy) complete!.*", text, re.M)
        if summary:
            say(summary[0].rstrip("."))
        return text

    def change(self, action, *files):
        # moto gives back less than it was given: a refresh would see differences that AWS has not.
        lines = [f"-var-file={name}" for name in files]
        return self.run(action, "-input=false", "-auto-approve", "-refresh=false", "-parallelism=20", *lines)

    def outputs(self):
        done = subprocess.run(["terraform", "output", "-json"], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True)
        return {name: output["value"] for name, output in json.loads(done.stdout).items()}


def expect_told(service, names):
    """A service is told what it needs, and nothing that it does not know."""
    wrong = list(faults(ROOT, service, names, deployed=True))
    expect(not wrong, "; ".join(wrong))


def in_state(folder, kind):
    """The attributes of every resource of a kind in Terraform's state."""
    resources = json.loads((folder / "terraform.tfstate").read_text())["resources"]
    return [instance["attributes"] for resource in resources if resource["type"] == kind for instance in resource["instances"]]


def node_policy():
    """The content security policy of a node without media, as directives, from its source."""
    source = (ROOT / "connection-node/src/http.rs").read_text()
    literal = re.search(r'"(default-src[^"]*)"', source)
    expect(literal, "connection-node/src/http.rs has no policy that begins with default-src")
    return directives(re.sub(r"\{\w+\}", "", re.sub(r"\\\n\s*", "", literal[1])))


def directives(policy):
    """From each directive to its sources."""
    return {part.split()[0]: part.split()[1:] for part in policy.split(";") if part.strip()}


def look_at_the_hub(moto, folder, outputs):
    """The first region, as an operator would see it."""
    expect(outputs["url"] == f"https://{DOMAIN}", f"the url is {outputs['url']}")

    ec2 = moto.client("ec2")
    volumes = ec2.describe_volumes(VolumeIds=list(outputs["nats"]["volume_ids"].values()))["Volumes"]
    expect(len({volume["AvailabilityZone"] for volume in volumes}) == 3, "the NATS volumes are not in three zones")
    expect(all(volume["Encrypted"] and volume["VolumeType"] == "gp3" for volume in volumes), "a NATS volume is not an encrypted gp3")
    groups = moto.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    expect([(group["MinSize"], group["MaxSize"]) for group in groups] == [(1, 1)] * 3, "the NATS servers are not three groups of one")
    expect(len(ec2.describe_nat_gateways()["NatGateways"]) == 1, "there is not one NAT gateway")
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    expect(any(endpoint["ServiceName"].endswith(".s3") and len(endpoint["RouteTableIds"]) == 3 for endpoint in endpoints), "S3 has no gateway endpoint in three zones")

    ecs = moto.client("ecs")
    services = ecs.describe_services(cluster=NAME, services=["connection-node", "fanout-worker", "media-worker"])["services"]
    expect(len(services) == 3, "there are not three services")
    for service in services:
        task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        name = service["serviceName"]
        expect(task["runtimePlatform"]["cpuArchitecture"] == "ARM64", f"{name} is not for arm64")
        containers = {container["name"]: container for container in task["containerDefinitions"]}
        expect(set(containers) == {"files", name, "collector"}, f"{name} has the containers {sorted(containers)}")
        expect(all(container["readonlyRootFilesystem"] for container in containers.values()), f"a container of {name} may write to its root")
        plain = {variable["name"] for variable in containers[name]["environment"]}
        secret = {variable["name"] for variable in containers[name]["secrets"]}
        expect("NATS_NKEY_SEED" in secret and not plain & SECRETS, f"{name} has its secrets in plain sight")
        expect_told(name, plain | secret)
    # moto keeps no deployment configuration: what Terraform asked for has to do.
    for service in in_state(folder, "aws_ecs_service"):
        expect(service["deployment_circuit_breaker"] == [{"enable": True, "rollback": True}], f"{service['name']} has no circuit breaker")
    node = next(service for service in services if service["serviceName"] == "connection-node")
    expect(len(node["loadBalancers"]) == 1, "nodes are behind no load balancer")

    elb = moto.client("elbv2")
    balancer = elb.describe_load_balancers(Names=[NAME])["LoadBalancers"][0]
    attributes = {a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]}
    expect(int(attributes["idle_timeout.timeout_seconds"]) > 45, "the load balancer's idle timeout is below a ping's")
    group = elb.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"][0]
    attributes = {a["Key"]: a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]}
    expect(attributes["stickiness.enabled"] == "true", "polls are not sticky")
    expect(attributes["load_balancing.algorithm.type"] == "least_outstanding_requests", "connections do not go where the fewest are")
    listener = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    expect([entry["Port"] for entry in listener] == [443], "the load balancer listens on more than 443")
    rules = elb.describe_rules(ListenerArn=listener[0]["ListenerArn"])["Rules"]
    passed = {value for rule in rules for condition in rule["Conditions"] for value in condition.get("PathPatternConfig", {}).get("Values", condition.get("Values", []))}
    expect(passed == {"/socket.io/*", "/api/*"}, f"the load balancer passes {sorted(passed)}")
    expect(all(rule["Actions"][0]["Type"] == "fixed-response" for rule in rules if rule["IsDefault"]), "the load balancer passes what no rule names")

    distribution = moto.client("cloudfront").get_distribution(Id=outputs["distribution_id"])["Distribution"]["DistributionConfig"]
    behaviors = [(item["PathPattern"], item["TargetOriginId"]) for item in distribution["CacheBehaviors"]["Items"]]
    wanted = [("/socket.io/*", "nodes"), ("/api/*", "nodes"), ("/media/uploads*", "uploads"), ("/media/*", "files")]
    expect(behaviors == wanted, f"CloudFront sends {behaviors}")
    expect(distribution["DefaultCacheBehavior"]["TargetOriginId"] == "page", "CloudFront does not serve the page")
    origins = {item["Id"]: item["DomainName"] for item in distribution["Origins"]["Items"]}
    expect(origins["nodes"] == f"nodes.{DOMAIN}" and origins["files"].startswith(outputs["media_bucket"]), f"CloudFront's origins are {origins}")

    # What CloudFront says of the page is what a node says of it, and the places that uploads need.
    said = directives(outputs["content_security_policy"])
    expect(said["connect-src"] == ["'self'", f"wss://{DOMAIN}", f"https://{outputs['media_bucket']}.s3.{HUB}.amazonaws.com"], f"pages may connect to {said['connect-src']}")
    said["connect-src"] = ["'self'"]
    expect(said == node_policy(), f"CloudFront says {said} of the page, and a node {node_policy()}")

    s3 = moto.client("s3")
    config = json.loads(s3.get_object(Bucket=outputs["page_bucket"], Key="config.json")["Body"].read())
    expect(config == {"mediaUrl": f"https://{DOMAIN}"}, f"/config.json says {config}")
    index = s3.head_object(Bucket=outputs["page_bucket"], Key="index.html")
    expect(index["ContentType"].startswith("text/html"), "the page is no HTML")
    keys = {item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=outputs["page_bucket"]) for item in page["Contents"]}
    expect("vendor/socket.io.esm.min.js" in keys, "the page has no socket.io client")
    expect(not any("node_modules" in key or "package" in key or key.startswith(".") for key in keys), f"files of npm are with the page: {sorted(keys)}")
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=outputs["media_bucket"])["Rules"]}
    expect(rules["uploads"]["Expiration"]["Days"] == 1 and rules["records"]["Expiration"]["Days"] == 7, "uploads or records stay too long")
    cors = s3.get_bucket_cors(Bucket=outputs["media_bucket"])["CORSRules"]
    expect(cors[0]["AllowedOrigins"] == [f"https://{DOMAIN}"] and cors[0]["AllowedMethods"] == ["POST"], f"the bucket's CORS is {cors}")

    function = moto.client("lambda").get_function(FunctionName=f"{NAME}-media")["Configuration"]
    expect((function["Runtime"], function["Architectures"]) == ("provided.al2023", ["arm64"]), "the function is no arm64 binary")
    names = set(function["Environment"]["Variables"])
    expect({"JWT_SECRET_FROM", "MEDIA_SECRET_FROM", "NATS_NKEY_SEED_FROM", "NATS_CA_FILE_FROM"} <= names and not SECRETS & names, f"the function is told {sorted(names)}")
    expect_told("media-lambda", {name.removesuffix("_FROM").removesuffix("_TEXT") for name in names})
    routes = {route["RouteKey"] for route in moto.client("apigatewayv2").get_routes(ApiId=next(iter(moto.client("apigatewayv2").get_apis()["Items"]))["ApiId"])["Items"]}
    expect({"POST /media/uploads", "POST /media/uploads/{id}/complete"} <= routes, f"the API has {sorted(routes)}")

    alarms = moto.client("cloudwatch").describe_alarms()["MetricAlarms"]
    # Autoscaling has alarms of its own beside them.
    missing = set(outputs["alarms"]["names"]) - {alarm["AlarmName"] for alarm in alarms}
    expect(not missing and len(outputs["alarms"]["names"]) == 11, f"of the alarms {sorted(outputs['alarms']['names'])} there are not {sorted(missing)}")
    watched = {alarm["MetricName"] for alarm in alarms if alarm.get("MetricName")}
    watched |= {query["MetricStat"]["Metric"]["MetricName"] for alarm in alarms for query in alarm.get("Metrics", []) if "MetricStat" in query}
    kept = set()
    for service in ("connection-node", "fanout-worker", "media-worker"):
        task = ecs.describe_task_definition(taskDefinition=f"{NAME}-{service}")["taskDefinition"]
        collector = next(container for container in task["containerDefinitions"] if container["name"] == "collector")
        kept |= set(re.findall(r'"\^(\w+)\$"', collector["environment"][0]["value"]))
    unknown = unknown_metrics(ROOT, watched | kept)
    expect(not unknown, f"no service tells {', '.join(unknown)}")
    unkept = {name for name in watched if name.startswith("starling_")} - kept
    expect(not unkept, f"the collectors do not keep {', '.join(sorted(unkept))}, which alarms watch")
    groups = {group["logGroupName"] for group in moto.client("logs").describe_log_groups(logGroupNamePrefix=f"/{NAME}/")["logGroups"]}
    expect(set(outputs["log_groups"].values()) <= groups, f"the log groups are {sorted(groups)}")
    task = re.search(r"--task-definition (\S+)", outputs["provision_command"])[1]
    provision = ecs.describe_task_definition(taskDefinition=task)["taskDefinition"]["containerDefinitions"]
    provision = next(container for container in provision if container["name"] == "provision")
    expect_told("provision", [variable["name"] for variable in provision["environment"] + provision["secrets"]])
    command = provision["command"]
    expect(command == ["provision", "--replicas", "3"], f"streams are made by {command}")


def look_at_the_edge(moto, outputs, zone):
    """The second region: its own nodes and leaves, linked to the hub, found by latency."""
    edge = outputs["edges"]["one"]
    expect(edge["region"] == EDGE, f"the edge is in {edge['region']}")
    ecs = moto.client("ecs", EDGE)
    names = {arn.rpartition("/")[2] for arn in ecs.list_services(cluster=edge["cluster"])["serviceArns"]}
    expect(names == {"leaf-0", "leaf-1", "connection-node"}, f"the edge runs {sorted(names)}")
    task = ecs.describe_task_definition(taskDefinition=f"{edge['cluster']}-connection-node")["taskDefinition"]
    node = next(container for container in task["containerDefinitions"] if container["name"] == "connection-node")
    settings = {variable["name"]: variable["value"] for variable in node["environment"]}
    expect_told("connection-node", [*settings, *(variable["name"] for variable in node["secrets"])])
    expect(settings["NATS_DOMAIN"] == "hub" and "leaf-0.one." in settings["NATS_URL"], "the edge's nodes do not go through leaves")
    expect(all(f":{EDGE}:" in variable["valueFrom"] for variable in node["secrets"]), "the edge's nodes read secrets of another region")
    leaf = ecs.describe_task_definition(taskDefinition=f"{edge['cluster']}-leaf-0")["taskDefinition"]["containerDefinitions"]
    urls = next(variable["value"] for container in leaf for variable in container["environment"] if variable["name"] == "NATS_HUB_URLS")
    expect(urls == json.dumps([f"tls://{host}:7422" for host in outputs["nats"]["hosts"]], separators=(",", ":")), f"the leaf goes to {urls}")

    peerings = moto.client("ec2", EDGE).describe_vpc_peering_connections()["VpcPeeringConnections"]
    expect([peering["Status"]["Code"] for peering in peerings] == ["active"], "the networks are not linked")
    for region, target in ((EDGE, "10.80.0.0/16"), (HUB, "10.81.0.0/16")):
        tables = moto.client("ec2", region).describe_route_tables()["RouteTables"]
        routed = [table for table in tables if any(route.get("DestinationCidrBlock") == target and route.get("VpcPeeringConnectionId") for route in table["Routes"])]
        expect(len(routed) >= 2, f"{region} has no way to {target}")
    records = moto.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    latency = {record.get("Region") for record in records if record["Name"] == f"nodes.{DOMAIN}."}
    expect(latency == {HUB, EDGE}, f"nodes are found by latency in {latency}")
    launch = moto.client("ec2").describe_launch_templates()["LaunchTemplates"]
    expect(len(launch) == 3, "the NATS servers are not three")


def try_the_servers(folder):
    """A real nats-server reads what the machines and the leaves would start with."""
    line = [sys.executable, str(HERE / "tests/nats_config.py"), sys.argv[6], str(folder / "terraform.tfstate")]
    done = subprocess.run(line, capture_output=True, text=True)
    expect(done.returncode == 0, done.stderr)
    say(done.stdout.strip())


def look_for_secrets(folder, outputs):
    """Neither outputs nor the state hold a secret's value; there is none that Terraform would know."""
    state = (folder / "terraform.tfstate").read_text()
    for pattern in (r"SU[A-Z2-7]{56}", r"-----BEGIN (?:EC |RSA )?PRIVATE KEY", r'"type": "aws_secretsmanager_secret_version"', r'"type": "random_'):
        expect(not re.search(pattern, state + json.dumps(outputs)), f"the state holds {pattern}")


def look_at_nothing(moto, folder):
    """After destroying, nothing of ours is left that costs."""
    resources = json.loads((folder / "terraform.tfstate").read_text())["resources"]
    expect(not resources, f"the state still holds {len(resources)} resources")
    for region in (HUB, EDGE):
        ec2 = moto.client("ec2", region)
        expect(not [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]], f"a network is left in {region}")
        expect(not [gateway for gateway in ec2.describe_nat_gateways()["NatGateways"] if gateway["State"] != "deleted"], f"a NAT gateway is left in {region}")
        expect(not moto.client("elbv2", region).describe_load_balancers()["LoadBalancers"], f"a load balancer is left in {region}")
    expect(not moto.client("s3").list_buckets()["Buckets"], "a bucket is left")


def main():
    folder = Path(sys.argv[2])
    with Moto(HUB, "moto.log") as moto:
        zone = moto.client("route53").create_hosted_zone(Name="example.org", CallerReference="ci")["HostedZone"]["Id"].rpartition("/")[2]
        settings = {
            "name": NAME, "region": HUB, "domain_name": DOMAIN, "zone_id": zone, "allowed_origins": [f"https://{DOMAIN}"],
            "image_tag": "ci", "public_dir": sys.argv[3], "socket_io_client_dir": sys.argv[4], "media_lambda_zip": sys.argv[5],
            "alarm_emails": ["ops@example.org"], "deletion_protection": False,
        }
        (folder / "one.tfvars.json").write_text(json.dumps(settings))
        edges = {"edges": {"one": {"region": EDGE, "vpc_cidr": "10.81.0.0/16"}}}
        (folder / "two.tfvars.json").write_text(json.dumps(edges))
        terraform = Terraform(folder, moto)

        say("applying one region")
        terraform.change("apply", "one.tfvars.json")
        look_at_the_hub(moto, folder, terraform.outputs())
        try_the_servers(folder)
        say("adding a region")
        terraform.change("apply", "one.tfvars.json", "two.tfvars.json")
        outputs = terraform.outputs()
        look_at_the_hub(moto, folder, outputs)
        look_at_the_edge(moto, outputs, zone)
        try_the_servers(folder)
        look_for_secrets(folder, outputs)
        say("destroying all of it")
        terraform.change("destroy", "one.tfvars.json", "two.tfvars.json")
        look_at_nothing(moto, folder)
    say("applied, looked at, destroyed")


if __name__ == "__main__":
    main()
