#!/usr/bin/env python3
"""Tests of alerts.yml with promtool: a healthy system is quiet, and each fault raises its own alert and no other.

`test_alerts.py PROMTOOL`. One simulated hour each; an alert without a row in FAULTS is a failure.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
MINUTES = 60


def steady(a_minute):
    """A counter's samples."""
    return f"0+{a_minute}x{MINUTES}"


def level(value):
    """A gauge's samples."""
    return f"{value}x{MINUTES}"


def times(metric, labels, fast, slow=0):
    """The buckets of a histogram that gets so many fast and slow (below 40 s) observations a minute."""
    head = f"{metric}_bucket{{{labels}{',' if labels else ''}le="
    return {f'{head}"0.01"}}': steady(fast), f'{head}"40"}}': steady(fast + slow), f'{head}"+Inf"}}': steady(fast + slow)}


HEALTHY = {
    'starling_connections{instance="n1"}': level(9000),
    'starling_connections{instance="n2"}': level(9000),
    'starling_publishes_total{instance="n1",result="stored"}': steady(6000),
    'starling_publishes_total{instance="n1",result="unavailable"}': steady(0),
    'starling_publishes_total{instance="n1",result="overloaded"}': steady(0),
    'starling_connects_total{instance="n1",result="accepted"}': steady(600),
    'starling_connects_total{instance="n1",result="unauthenticated"}': steady(30),
    'starling_connects_total{instance="n1",result="unavailable"}': steady(0),
    'starling_transport_closes_total{instance="n1",reason="ended"}': steady(600),
    'starling_transport_closes_total{instance="n1",reason="slow_consumer"}': steady(6),
    'starling_transport_closes_total{instance="n1",reason="fault"}': steady(0),
    'starling_rate_limited_total{instance="n1",what="handshake",per="address"}': steady(6),
    'starling_send_queue_bytes{instance="n1"}': level(1000000),
    'starling_queued_inputs{instance="n1"}': level(10),
    'starling_repairs_total{instance="n1"}': steady(6),
    'starling_nats_refusals_total{instance="n1"}': level(7),
    'starling_uploads_total{instance="n1",result="queued"}': steady(60),
    'starling_uploads_total{instance="n1",result="overloaded"}': steady(1),
    **times("starling_ack_seconds", "", 6000),
    **times("starling_end_to_end_seconds", "", 6000),
    'starling_worker_partitions{instance="w1"}': level(32),
    'starling_worker_partitions{instance="w2"}': level(32),
    'starling_worker_nodes{instance="w1"}': level(2),
    'starling_worker_nodes{instance="w2"}': level(2),
    'starling_worker_log_pending{instance="w1"}': level(20),
    'starling_worker_leases_total{instance="w1",change="lost"}': steady(0),
    'starling_worker_tenures_total{instance="w1",end="failed"}': steady(0),
    'starling_worker_publish_failures_total{instance="w1"}': level(3),
    'starling_worker_nats_refusals_total{instance="w1"}': level(0),
    'starling_media_nats_refusals_total{instance="m1"}': level(0),
    'starling_media_dead_letters_total{instance="m1"}': level(4),
    'starling_media_redeliveries_total{instance="m1"}': steady(1),
    'starling_media_s3_failures_total{instance="m1",operation="put"}': steady(1),
    **times("starling_media_queue_wait_seconds", "", 60),
    **times("starling_media_job_seconds", 'way="queue"', 60),
}

# What each alert is raised by: series laid over the healthy ones; None takes one away.
FAULTS = {
    "StarlingNoNode": {'starling_connections{instance="n1"}': None, 'starling_connections{instance="n2"}': None},
    "StarlingMessagesNotStored": {'starling_publishes_total{instance="n1",result="unavailable"}': steady(120)},
    "StarlingOverloaded": {'starling_publishes_total{instance="n1",result="overloaded"}': steady(5)},
    "StarlingAcksSlow": times("starling_ack_seconds", "", 6000, 120),
    "StarlingDeliveriesSlow": times("starling_end_to_end_seconds", "", 6000, 120),
    "StarlingClientsDoNotRead": {'starling_transport_closes_total{instance="n1",reason="stalled"}': steady(90)},
    "StarlingNodeCannotServe": {'starling_transport_closes_total{instance="n1",reason="fault"}': steady(5)},
    "StarlingKeysAway": {'starling_connects_total{instance="n1",result="unavailable"}': steady(1)},
    "StarlingTokensRefused": {'starling_connects_total{instance="n1",result="unauthenticated"}': steady(900)},
    "StarlingRateLimited": {'starling_rate_limited_total{instance="n1",what="event",per="user"}': steady(90)},
    "StarlingBacklogForClients": {'starling_send_queue_bytes{instance="n1"}': level(600000000)},
    "StarlingNodeShortOfTime": {'starling_queued_inputs{instance="n1"}': level(9000)},
    "StarlingGapsRepaired": {'starling_repairs_total{instance="n1"}': steady(240)},
    "StarlingNoWorker": {'starling_worker_partitions{instance="w1"}': None, 'starling_worker_partitions{instance="w2"}': None},
    "StarlingPartitionsUnowned": {'starling_worker_partitions{instance="w2"}': level(31)},
    "StarlingLagging": {'starling_worker_log_pending{instance="w1"}': level(1500)},
    "StarlingLeasesLost": {'starling_worker_leases_total{instance="w1",change="lost"}': steady(6)},
    "StarlingOwnersFail": {'starling_worker_tenures_total{instance="w1",end="failed"}': steady(1)},
    "StarlingNodeUnheard": {'starling_worker_nodes{instance="w2"}': level(1)},
    "StarlingDeliveriesNotSent": {'starling_worker_publish_failures_total{instance="w1"}': steady(1)},
    "StarlingNatsDenies": {'starling_media_nats_refusals_total{instance="m1"}': steady(1)},
    "StarlingDeadLetters": {'starling_media_dead_letters_total{instance="m1"}': steady(1)},
    "StarlingRedeliveries": {'starling_media_redeliveries_total{instance="m1"}': steady(9)},
    "StarlingS3Fails": {'starling_media_s3_failures_total{instance="m1",operation="put"}': steady(12)},
    "StarlingFilesWait": times("starling_media_queue_wait_seconds", "", 0, 60),
    "StarlingFilesSlow": times("starling_media_job_seconds", 'way="queue"', 0, 60),
    "StarlingFilesRefused": {'starling_uploads_total{instance="n1",result="overloaded"}': steady(30)},
}


def case(name, fault, fires):
    """One test for promtool: which alerts fire at the hour's end."""
    series = {**HEALTHY, **fault}
    expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in fires]
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items() if values is not None],
        "promql_expr_test": [{
            "expr": 'count by (alertname) (count by (alertname, severity, service) (ALERTS{alertstate="firing"}))',
            "eval_time": f"{MINUTES}m",
            "exp_samples": expected,
        }],
    }


def main():
    """Runs every test and says how many there were."""
    rules = HERE / "alerts.yml"
    alerts = re.findall(r"^\s*- alert: (\w+)", rules.read_text(), re.MULTILINE)
    if untested := set(alerts) ^ set(FAULTS):
        sys.exit(f"alerts.yml and the rows of FAULTS differ: {', '.join(sorted(untested))}")
    tests = [case("a healthy system", {}, [])] + [case(name, fault, [name]) for name, fault in FAULTS.items()]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}, file)
        file.flush()
        if subprocess.run([sys.argv[1], "test", "rules", file.name], check=False).returncode:
            sys.exit("alerts do not fire as they should, as told above")
    print(f"{len(alerts)} alerts, {len(tests)} tests")


if __name__ == "__main__":
    main()
