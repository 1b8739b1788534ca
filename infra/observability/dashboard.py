#!/usr/bin/env python3
"""Writes Grafana's dashboard: dashboard.py > dashboard.json.

Owns which panels there are, in which order, with which words. Layout and Grafana's many defaults are
made here, so that a panel is a few lines. `check` fails where dashboard.json is not what this writes.
"""

import json
import sys

RATE = "$__rate_interval"
WIDTH, HEIGHT, STAT_HEIGHT = 8, 8, 4
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def rate(metric, by="", where=""):
    """Per second, summed over all instances, or by labels."""
    grouped = f" by ({by})" if by else ""
    selector = f"{{{where}}}" if where else ""
    return f"sum{grouped} (rate({metric}{selector}[{RATE}]))"


def quantiles(metric, by=""):
    """The quantiles that matter of a histogram, each with its legend."""
    labels = f"le, {by}" if by else "le"
    legend = f"{{{{{by}}}}} " if by else ""
    return [
        (f"histogram_quantile({q}, {rate(f'{metric}_bucket', labels)})", f"{legend}{name}")
        for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    ]


# Each row: its title, then panels as (title, unit, description, [(query, legend)]).
OVERVIEW = [
    ("Connections", "short", "Open transports on all nodes.", [("sum(starling_connections)", "")]),
    ("Messages stored", "reqps", "Messages that the log took, a second.",
     [(rate("starling_publishes_total", where='result="stored"'), "")]),
    ("Events to clients", "reqps", "Events that rooms sent to sockets, a second.",
     [(rate("starling_emits_total"), "")]),
    ("Ack, p99", "s", "From a message's arrival to its ack, of the slowest of a hundred.",
     [(quantiles("starling_ack_seconds")[2][0], "")]),
    ("End to end, p99", "s", "From a message's time to its way out to members, by two nodes' clocks.",
     [(quantiles("starling_end_to_end_seconds")[2][0], "")]),
    ("Partitions without an owner", "short", "Should be 0. Rooms of such a partition get no deliveries; acks go on.",
     [("64 - sum(starling_worker_partitions)", "")]),
]

ROWS = [
    ("Connections", [
        ("Open transports", "short", "By node. They come back spread over nodes after a deploy.",
         [("starling_connections", "{{instance}}")]),
        ("Sockets and members", "short",
         "Sockets in the chat namespace, and sockets in rooms: once for each room that a socket is in.",
         [("sum(starling_sockets)", "sockets"), ("sum(starling_room_members)", "members of rooms")]),
        ("Busy without a token", "short",
         "Transports that have shown no token yet, and connections that are busy with HTTP (long-polling is). Both are bounded.",
         [("sum(starling_unauthenticated)", "without a token"), ("sum(starling_http_connections)", "busy with HTTP")]),
        ("Handshakes", "reqps",
         "Connections to the chat namespace, by result. `unavailable`: the issuer's keys could not be had.",
         [(rate("starling_connects_total", "result"), "{{result}}")]),
        ("Refused at the edge", "reqps", "Requests and connections that were refused before a namespace, by reason.",
         [(rate("starling_handshake_refusals_total", "reason"), "{{reason}}")]),
        ("Transports that ended", "reqps",
         "By reason. `ended`: the client went. `slow_consumer` and `stalled`: it did not read. `drain`: a deploy. `fault`: the node could not go on.",
         [(rate("starling_transport_closes_total", "reason"), "{{reason}}")]),
        ("Refused as too much", "reqps", "By what, and per whom the limit is. No honest client meets one.",
         [(rate("starling_rate_limited_total", "what, per"), "{{what}} per {{per}}")]),
        ("Bytes of transports", "Bps", "From clients and to clients, with framing.",
         [(rate("starling_received_bytes_total"), "from clients"), (rate("starling_sent_bytes_total"), "to clients")]),
        ("Writes to WebSockets", "wps",
         "Each is a system call; what is ready at once goes in one. Against events to clients it says how much is gathered.",
         [(rate("starling_socket_writes_total", "instance"), "{{instance}}")]),
        ("Compressed messages to clients", "Bps",
         "Frames of WebSockets that went out compressed (COMPRESSION), and what they would have been: the difference is saved.",
         [(rate("starling_deflate_plain_bytes_total"), "uncompressed"), (rate("starling_deflate_sent_bytes_total"), "sent")]),
    ]),
    ("Events and messages", [
        ("Events taken", "reqps", "What clients sent and nodes took, by event.",
         [(rate("starling_events_total", "event", 'result="taken"'), "{{event}}")]),
        ("Events refused", "reqps", "By event and by the code of the answer.",
         [(rate("starling_events_total", "event, result", 'result!="taken"'), "{{event}}: {{result}}")]),
        ("Messages to the log", "reqps",
         "`repeated`: stored before, by an earlier attempt. `unavailable`: not known to be stored. `overloaded`: beyond MAX_IN_FLIGHT.",
         [(rate("starling_publishes_total", "result"), "{{result}}")]),
        ("Ack", "s", "From a message's arrival at the node to its ack, which says that it is stored.",
         quantiles("starling_ack_seconds")),
        ("End to end", "s",
         "From a message's time, given by its sender's node, to its way out to the members of another. Clocks that differ are in it.",
         quantiles("starling_end_to_end_seconds")),
        ("Events to clients", "reqps", "What rooms sent to sockets: each message as often as it has members.",
         [(rate("starling_emits_total", "instance"), "{{instance}}")]),
    ]),
    ("Queues of the nodes", [
        ("Bytes that wait for clients", "bytes", "By node. Each socket may have SOCKET_BUFFER waiting; then it is closed.",
         [("starling_send_queue_bytes", "{{instance}}")]),
        ("Bytes of incomplete messages", "bytes", "By node; bounded by INBOUND_BUFFER.",
         [("starling_receive_buffer_bytes", "{{instance}}")]),
        ("Messages on their way to the log", "short", "By node; bounded by MAX_IN_FLIGHT.",
         [("starling_publishes_in_flight", "{{instance}}")]),
        ("Inputs that wait for the rooms", "short", "By node. If it stays high the node lacks processor time.",
         [("starling_queued_inputs", "{{instance}}")]),
        ("Reads of the log, and who waits", "short", "Reads under way, and sockets that wait for a room to open.",
         [("sum(starling_log_reads_in_flight)", "reads"), ("sum(starling_room_waiters)", "sockets that wait")]),
        ("Bytes of files to the queue", "bytes", "By node; bounded by UPLOAD_BUFFER.",
         [("starling_upload_bytes_in_flight", "{{instance}}")]),
        ("Rooms", "short", "Open or opening, by node.", [("starling_rooms", "{{instance}}")]),
        ("Tasks", "short", "For connections and for reads of the log. It goes back when clients do.",
         [("starling_tasks", "{{instance}}")]),
    ]),
    ("Repair and recovery", [
        ("Gaps repaired", "reqps", "Pages of the log read because a delivery was missing. Some at each deploy; else near 0.",
         [(rate("starling_repairs_total", "instance"), "{{instance}}")]),
        ("Recoveries", "reqps", "Rooms in which a socket was brought up to date after it came back.",
         [(rate("starling_recoveries_total"), "rooms")]),
        ("Replays", "reqps", "Pages of the log read for one socket: it was away for longer than memory goes back.",
         [(rate("starling_replays_total"), "pages")]),
    ]),
    ("Fan-out", [
        ("Partitions owned", "short", "By worker; they add up to 64.", [("starling_worker_partitions", "{{instance}}")]),
        ("Lag by partition", "short", "The ten partitions with the most records of the log not yet read. Those that a worker "
         "reads together, which is all that stayed for some seconds, each have all that is left to it.",
         [("topk(10, max by (partition) (starling_worker_partition_lag_records))", "{{partition}}")]),
        ("Lag by worker", "short", "Records of the log not yet read, over a worker's partitions.",
         [("starling_worker_log_pending", "{{instance}}")]),
        ("Lease changes", "short", "In five minutes, by change. `lost`: the worker's session ran out, or another has it.",
         [("sum by (change) (increase(starling_worker_leases_total[5m]))", "{{change}}")]),
        ("Owners that ended", "short", "In five minutes, by end. `fenced` and `failed` should not be without a fault.",
         [("sum by (end) (increase(starling_worker_tenures_total[5m]))", "{{end}}")]),
        ("Nodes heard", "short", "By worker: connection nodes that are heard to live. All workers agree.",
         [("starling_worker_nodes", "{{instance}}")]),
        ("Deliveries", "reqps", "Records handled, messages sent to nodes (once for each node), and frames they went in.",
         [(rate("starling_worker_log_records_total"), "records"),
          (rate("starling_worker_deliveries_total"), "deliveries"),
          (rate("starling_worker_frames_total"), "frames")]),
        ("Bytes to nodes", "Bps", "Of the frames.", [(rate("starling_worker_frame_bytes_total"), "bytes")]),
        ("Batches that wait", "short", "By worker; at FANOUT_OUTBOX_BATCHES reading the log waits.",
         [("starling_worker_outbox_batches", "{{instance}}")]),
        ("Rooms and users", "short", "Rooms with members, nodes over those rooms, and users over all rooms.",
         [("sum(starling_worker_rooms)", "rooms"), ("sum(starling_worker_room_nodes)", "nodes of rooms"),
          ("sum(starling_worker_roster_users)", "users of rooms")]),
    ]),
    ("Media", [
        ("Files from sockets", "reqps", "What `send-file` brought to nodes, by result.",
         [(rate("starling_uploads_total", "result"), "{{result}}")]),
        ("Jobs", "reqps", "Uploads that were worked on, by way and result.",
         [(rate("starling_media_jobs_total", "way, result"), "{{way}}: {{result}}")]),
        ("Job times", "s", "From taking an upload to its end, by way.", quantiles("starling_media_job_seconds", "way")),
        ("Wait in the queue", "s", "From a job's queueing to its first delivery. It grows: more media workers.",
         quantiles("starling_media_queue_wait_seconds")),
        ("At work", "short", "Uploads that are worked on, by worker; bounded by PARALLEL.",
         [("starling_media_in_flight", "{{instance}}")]),
        ("Refusals", "reqps", "Uploads and requests that were refused, by way and code.",
         [(rate("starling_media_refusals_total", "way, code"), "{{way}}: {{code}}")]),
        ("S3 requests that failed", "reqps", "By operation; each is tried again.",
         [(rate("starling_media_s3_failures_total", "operation"), "{{operation}}")]),
        ("Trouble with jobs", "short", "In five minutes: further attempts, deliveries after the first, dead letters.",
         [("sum(increase(starling_media_retries_total[5m]))", "attempts"),
          ("sum(increase(starling_media_redeliveries_total[5m]))", "redeliveries"),
          ("sum(increase(starling_media_dead_letters_total[5m]))", "dead letters")]),
        ("Bytes of files", "Bps", "Queued by nodes, read and stored by media workers.",
         [(rate("starling_upload_bytes_total"), "queued"), (rate("starling_media_in_bytes_total"), "read"),
          (rate("starling_media_out_bytes_total"), "stored")]),
    ]),
    ("NATS, as the services see it", [
        ("Not stored", "reqps", "Messages that the log did not take in time. NATS is away, elects a leader, or is slow.",
         [(rate("starling_publishes_total", "instance", 'result="unavailable"'), "{{instance}}")]),
        ("Not sent", "reqps", "What the connection to NATS did not take from fan-out workers.",
         [(rate("starling_worker_publish_failures_total", "instance"), "{{instance}}")]),
        ("Denied", "short", "In five minutes, what NATS denied a service: a role lacks a permission, or a key is in wrong hands.",
         [("sum by (instance) (increase(starling_nats_refusals_total[5m]))", "node {{instance}}"),
          ("sum by (instance) (increase(starling_worker_nats_refusals_total[5m]))", "worker {{instance}}"),
          ("sum by (instance) (increase(starling_media_nats_refusals_total[5m]))", "media worker {{instance}}")]),
    ]),
]


def panel(number, kind, position, title, unit, description, queries):
    """One panel in Grafana's own form."""
    x, y, width, height = position
    made = {
        "id": number,
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": DATASOURCE, "expr": query, "legendFormat": legend or title}
            for at, (query, legend) in enumerate(queries)
        ],
    }
    if kind == "timeseries":
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    else:
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area"}
    return made


def panels():
    """All panels, three beside each other, each row under its title."""
    made, y = [], 0
    width = 24 // len(OVERVIEW)
    for at, words in enumerate(OVERVIEW):
        made.append(panel(len(made) + 1, "stat", (at * width, y, width, STAT_HEIGHT), *words))
    y += STAT_HEIGHT
    for title, row in ROWS:
        made.append({"id": len(made) + 1, "type": "row", "title": title, "collapsed": False, "panels": [],
                     "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        y += 1
        for at, words in enumerate(row):
            position = (at % 3 * WIDTH, y + at // 3 * HEIGHT, WIDTH, HEIGHT)
            made.append(panel(len(made) + 1, "timeseries", position, *words))
        y += -(-len(row) // 3) * HEIGHT
    return made


def dashboard():
    """The whole, as Grafana imports it."""
    return {
        "uid": "starling",
        "title": "Starling",
        "description": "Connections, messages, fan-out and media of a Starling system.",
        "tags": ["starling"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]},
        "panels": panels(),
    }


if __name__ == "__main__":
    json.dump(dashboard(), sys.stdout, indent=1)
    print()
