#!/usr/bin/env python3
"""What an installation costs a month, from list prices and a stated load.

The load per connection is an assumption, and decides most of a large bill: change it by the options.
Prices are Amazon's public list prices for us-east-1, without free tiers, savings plans or tax, as read
in 2025; other regions cost up to a third more.
"""

import argparse
import math
import sys
from dataclasses import dataclass, fields

HOURS = 730  # a month, as Amazon counts
GB = 1e9


@dataclass(frozen=True)
class Prices:
    """US dollars."""

    fargate_vcpu_hour: float = 0.03238  # arm64
    fargate_gb_hour: float = 0.00356
    ec2_hour: tuple = (("t4g.medium", 0.0336), ("m7g.large", 0.0816), ("m7g.2xlarge", 0.3264))
    gp3_gb: float = 0.08
    snapshot_gb: float = 0.05
    nat_hour: float = 0.045
    nat_gb: float = 0.045
    ipv4_hour: float = 0.005
    zone_gb: float = 0.02  # between zones, both directions together
    alb_hour: float = 0.0225
    lcu_hour: float = 0.008
    cloudfront_gb: tuple = ((10e3, 0.085), (40e3, 0.080), (100e3, 0.060), (350e3, 0.040), (math.inf, 0.030))
    cloudfront_10k_requests: float = 0.01
    s3_gb: float = 0.023
    s3_1k_puts: float = 0.005
    lambda_gb_second: float = 0.0000133334  # arm64
    lambda_1m_requests: float = 0.20
    http_api_1m_requests: float = 1.00
    logs_gb: float = 0.50
    metric: float = 0.30
    alarm: float = 0.10  # each figure that one reads
    secret: float = 0.40
    kms_key: float = 1.00
    hosted_zone: float = 0.50


@dataclass(frozen=True)
class Load:
    """What one connection does, on average over the day."""

    received_per_hour: float = 60  # messages that come to it
    sent_per_hour: float = 2
    message_bytes: float = 600  # on the wire, with framing and TLS
    stored_bytes: float = 400  # in the log
    kept_days: float = 30
    ping_interval: float = 25
    ping_bytes: float = 100  # a ping and its answer, with headers of TCP
    reconnects_per_day: float = 5
    files_per_day: float = 0.1
    file_bytes: float = 400e3  # stored: picture and thumbnail
    views_per_file: float = 10
    kept_files_days: float = 365


@dataclass(frozen=True)
class Size:
    """What runs: see the variables of the same names."""

    connections_per_node: int = 15_000
    node_vcpu: float = 1
    node_gb: float = 2
    fanout_vcpu: float = 0.5
    fanout_gb: float = 1
    media_vcpu: float = 0.5
    media_gb: float = 1
    zones: int = 3
    nat_gateways: int = 1
    nats_servers: int = 3

    def nodes(self, connections):
        """Two at the least, and one to spare, so that a lost one is no trouble."""
        return max(2, math.ceil(connections / self.connections_per_node) + 1)

    def fanout(self, connections):
        """One worker carries some 100,000 connections' rooms; two for failover."""
        return min(64, max(2, math.ceil(connections / 100_000)))

    @staticmethod
    def nats_type(connections):
        return "t4g.medium" if connections <= 10_000 else "m7g.large" if connections <= 100_000 else "m7g.2xlarge"


def tiered(amount, tiers):
    """The cost of `amount`, of which each tier takes its share at its own price."""
    cost = 0.0
    for share, price in tiers:
        part = min(amount, share)
        cost += part * price
        amount -= part
    return cost


def monthly(connections, load=Load(), size=Size(), prices=Prices()):
    """US dollars a month by part, for `connections` open at a time."""
    seconds = HOURS * 3600
    days = HOURS / 24
    nodes, fanout = size.nodes(connections), size.fanout(connections)
    task = lambda vcpu, gb: HOURS * (vcpu * prices.fargate_vcpu_hour + gb * prices.fargate_gb_hour)

    sent = connections * load.sent_per_hour * HOURS
    log_gb = connections * load.sent_per_hour * 24 * load.kept_days * load.stored_bytes / GB
    volume_gb = max(50, math.ceil(2 * log_gb))  # half full
    out_gb = connections * (
        load.received_per_hour * HOURS * load.message_bytes + seconds / load.ping_interval * load.ping_bytes
    ) / GB
    files = connections * load.files_per_day * days
    files_gb = connections * load.files_per_day * load.kept_files_days * load.file_bytes / GB
    views_gb = files * load.views_per_file * load.file_bytes / GB
    # To the log's leader, its two copies, the worker, and the nodes with members in the room: some ten.
    inner_gb = sent * load.stored_bytes * (3 + min(nodes, 10)) / GB
    requests = connections * load.reconnects_per_day * days + files * (2 + load.views_per_file)

    new_per_second = connections * load.reconnects_per_day / 86_400
    lcu = max(new_per_second / 25, connections / 3000, out_gb / HOURS)
    api = files * 2
    logs_gb = 5 + 0.5 * nodes + connections * load.reconnects_per_day * days * 300 / GB
    metrics = 23 + 8 + 40 + 3 * nodes  # the services', NATS', Container Insights'

    return {
        "connection nodes": nodes * task(size.node_vcpu, size.node_gb),
        "fan-out workers": fanout * task(size.fanout_vcpu, size.fanout_gb),
        "media workers": max(1, connections / 250_000) * task(size.media_vcpu, size.media_gb)
        + files * 1.0 * 1.73 * prices.lambda_gb_second
        + api / 1e6 * (prices.lambda_1m_requests + prices.http_api_1m_requests),
        "NATS servers": size.nats_servers
        * (HOURS * dict(prices.ec2_hour)[size.nats_type(connections)] + volume_gb * (prices.gp3_gb + 1.5 * prices.snapshot_gb)),
        "load balancer": HOURS * (prices.alb_hour + lcu * prices.lcu_hour + size.zones * prices.ipv4_hour),
        "NAT and traffic between zones": size.nat_gateways * HOURS * (prices.nat_hour + prices.ipv4_hour)
        + (30 + 2 * nodes + logs_gb) * prices.nat_gb
        + inner_gb * 2 / 3 * prices.zone_gb,
        "CloudFront": tiered(out_gb + views_gb, prices.cloudfront_gb) + requests / 1e4 * prices.cloudfront_10k_requests,
        "files in S3": files_gb * prices.s3_gb + files * 4 / 1e3 * prices.s3_1k_puts,
        "logs, metrics, alarms": logs_gb * prices.logs_gb + metrics * prices.metric + 15 * prices.alarm,
        "secrets, key, zone": 9 * prices.secret + prices.kms_key + prices.hosted_zone,
    }


def money(amount):
    return f"{amount:,.0f}"


def table(columns, load, size):
    """A Markdown table: a row a part, a column a number of connections."""
    costs = [monthly(connections, load, size) for connections in columns]
    lines = [
        "| US dollars a month | " + " | ".join(f"{connections:,} connections" for connections in columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for part in costs[0]:
        lines.append(f"| {part} | " + " | ".join(money(cost[part]) for cost in costs) + " |")
    lines.append("| **all** | " + " | ".join(f"**{money(sum(cost.values()))}**" for cost in costs) + " |")
    lines.append(
        "| nodes, fan-out workers, NATS servers | "
        + " | ".join(f"{size.nodes(n)}, {size.fanout(n)}, {size.nats_servers} x {size.nats_type(n)}" for n in columns)
        + " |"
    )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("connections", nargs="*", type=int, default=[1_000, 30_000, 1_000_000], help="connections at a time (default: 1000 30000 1000000)")
    for field in (*fields(Load), *fields(Size)):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default, help=f"default {field.default:g}")
    options = parser.parse_args()
    if any(connections < 1 for connections in options.connections):
        parser.error("connections must be 1 or more")
    pick = lambda kind: kind(**{field.name: getattr(options, field.name) for field in fields(kind)})
    print(table(options.connections, pick(Load), pick(Size)))


if __name__ == "__main__":
    sys.exit(main())
