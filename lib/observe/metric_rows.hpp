// SPDX-License-Identifier: BSD-3-Clause
/// Every metric, and what of the snapshot becomes which. Only for metrics.cpp.
#pragma once

#include "observe/metrics.hpp"

namespace mitibox {

using enum MetricType;

inline constexpr MetricRow kMetricRows[] = {
    {"mitibox_build_info", gauge, "version, dpdk", "Always 1; the version is a label"},
    {"mitibox_uptime_seconds", gauge, "", "How long the box has been running"},
    {"mitibox_workers", gauge, "", "Cores that forward"},
    // Frames
    {"mitibox_received_frames_total", counter, "side", "Frames taken from this port"},
    {"mitibox_forwarded_frames_total", counter, "side", "Received frames sent out of this port"},
    {"mitibox_refused_frames_total", counter, "side",
     "Received frames that this port did not take"},
    {"mitibox_made_frames_total", counter, "side", "Frames of the box's own sent by this port"},
    {"mitibox_made_refused_frames_total", counter, "side",
     "Frames of the box's own that this port did not take"},
    {"mitibox_dropped_frames_total", counter, "reason",
     "Received frames kept from their destination; each reason has a cause and a remedy"},
    {"mitibox_consumed_frames_total", counter, "reason",
     "Received frames of which the box was the proper end"},
    {"mitibox_held_frames", gauge, "",
     "Received frames that wait for the rest of their datagram, or for a host"},
    {"mitibox_class_frames_total", counter, "class",
     "Received frames by class: inbound and outbound are judged, pass and neighbour are not"},
    {"mitibox_at_owner_frames_total", counter, "side", "Frames that arrived at their owner"},
    {"mitibox_handed_frames_total", counter, "side", "Frames handed to the worker that owns them"},
    {"mitibox_adopted_frames_total", counter, "side", "Frames taken over from another worker"},
    {"mitibox_remarks", gauge, "", "Warnings of the policy and the ports; status lists them"},
    // Ports
    {"mitibox_port_up", gauge, "side", "1 while the port has a link"},
    {"mitibox_port_received_packets_total", counter, "side", "The port's own count of frames in"},
    {"mitibox_port_sent_packets_total", counter, "side", "The port's own count of frames out"},
    {"mitibox_port_missed_packets_total", counter, "side",
     "Frames that the port lost because the box was too slow"},
    {"mitibox_port_receive_errors_total", counter, "side", "Frames that arrived damaged"},
    {"mitibox_port_send_errors_total", counter, "side", "Frames that the port failed to send"},
    {"mitibox_port_no_buffer_total", counter, "side",
     "Times the port found no buffer to receive in"},
    // Workers
    {"mitibox_worker_answers", gauge, "worker", "1 while the worker answers the control plane"},
    {"mitibox_worker_polls_total", counter, "worker", "Looks at the ports"},
    {"mitibox_burst_seconds", histogram, "worker, le",
     "How long frames kept a worker, from one look at the ports to the next; the sum grows by its "
     "load"},
    // Trust
    {"mitibox_attempts_total", counter, "level, verdict",
     "Attempts judged, by trust level (0: untrusted, 1: distrusted, then partial levels)"},
    {"mitibox_evidence_total", counter, "kind",
     "Evidence against sources; allowed: not counted against them"},
    {"mitibox_allowed_alarms_total", counter, "",
     "Times that a source the policy allows had probed much"},
    {"mitibox_escalations_total", counter, "", "Prefixes that became distrusted for their sources"},
    {"mitibox_escalated_prefixes", gauge, "", "Prefixes that are distrusted for their sources"},
    {"mitibox_sources", gauge, "level",
     "Distrusted sources that proved their address, by trust level; counted every ten seconds"},
    {"mitibox_top_source_probes", gauge, "source, level",
     "Probes of the ten busiest sources, as long as they are remembered"},
    {"mitibox_top_destination_probes", gauge, "address, protocol, port",
     "Probes of the ten most probed destinations, as long as they are remembered"},
    // Tables
    {"mitibox_table_entries", gauge, "table", "Entries in use"},
    {"mitibox_table_capacity", gauge, "table", "Entries that the policy gives the table"},
    {"mitibox_evictions_total", counter, "table", "Entries that had to go for others"},
    {"mitibox_expired_total", counter, "table", "Entries that were forgotten after their time"},
    {"mitibox_half_open_connections", gauge, "table", "Connections whose handshake goes on"},
    {"mitibox_datagram_connections", gauge, "table", "Flows that are not TCP"},
    {"mitibox_retransmission_memory_seconds", gauge, "",
     "How long dropped attempts are remembered; below 10 raise tables.retransmissions"},
    // Reply
    {"mitibox_forged_frames_total", counter, "kind", "Forged frames"},
    {"mitibox_proofs_total", counter, "", "Handshakes with the box that were completed"},
    {"mitibox_bad_cookies_total", counter, "", "Segments that acknowledge nothing the box sent"},
    {"mitibox_forged_repetitions_total", counter, "kind", "Forged frames that repeat another"},
    {"mitibox_host_calls_total", counter, "",
     "Hosts called for clients that completed a handshake"},
    {"mitibox_host_call_results_total", counter, "outcome",
     "What became of the calls; refused and mute: the client is deceived, a service may be down"},
    {"mitibox_splices_full_total", counter, "",
     "Calls not made, or segments not held, for want of room"},
    {"mitibox_splices_lost_total", counter, "", "Segments that a host never acknowledged"},
    {"mitibox_sacks_written_total", counter, "", "Segments given SACK blocks for their host"},
    {"mitibox_sacks_full_total", counter, "", "Segments that found no room to make SACK blocks"},
    // Neighbours
    {"mitibox_neighbour_answers_total", counter, "",
     "Requests for addresses that the box answered"},
    {"mitibox_neighbour_probes_total", counter, "", "Requests that the box sent to find hosts"},
    {"mitibox_neighbour_announcements_total", counter, "", "Announcements that the box sent"},
    {"mitibox_neighbour_rewrites_total", counter, "", "Frames given the MAC address of their host"},
    {"mitibox_neighbour_facts_total", counter, "direction",
     "What workers told each other of hosts and gateways"},
    // Learning, monitoring, bypass, events
    {"mitibox_trials_total", counter, "", "Attempts let through to learn who answers"},
    {"mitibox_trial_results_total", counter, "result", "What became of these"},
    {"mitibox_findings_lost_total", counter, "", "Answers that there was no room to note"},
    {"mitibox_bypassed_frames_total", counter, "", "Frames of bypassed sources, both ways"},
    {"mitibox_monitor_frames_total", counter, "outcome", "Frames that went on as they came"},
    {"mitibox_monitor_would_total", counter, "what",
     "Attempts that would have been met so if the box did more than watch"},
    {"mitibox_monitor_would_end_total", counter, "reason",
     "Frames that would have ended here if the box did more than watch"},
    {"mitibox_events_total", counter, "outcome",
     "Events; suppressed: too many of one kind, lost: too many to write"},
    {"mitibox_undescribed", gauge, "group, entry", "A counter of the box without a metric"},
};

/// An entry of the snapshot; one asterisk stands for any text, in `labels` for the same. Without a
/// metric it is told elsewhere.
struct SnapshotMetric {
  std::string_view group;
  std::string_view entry;
  std::string_view metric;
  std::string_view labels;
  double unit = 1;  ///< of the entry, in the metric's
};

/// The first that fits.
inline constexpr SnapshotMetric kSnapshotMetrics[] = {
    {"counters", "received_*", "mitibox_received_frames_total", R"(side="*")"},
    {"counters", "forwarded_*", "mitibox_forwarded_frames_total", R"(side="*")"},
    {"counters", "refused_*", "mitibox_refused_frames_total", R"(side="*")"},
    {"counters", "made_refused_*", "mitibox_made_refused_frames_total", R"(side="*")"},
    {"counters", "made_*", "mitibox_made_frames_total", R"(side="*")"},
    {"counters", "at_owner_*", "mitibox_at_owner_frames_total", R"(side="*")"},
    {"counters", "handed_*", "mitibox_handed_frames_total", R"(side="*")"},
    {"counters", "adopted_*", "mitibox_adopted_frames_total", R"(side="*")"},
    {"counters", "class_*", "mitibox_class_frames_total", R"(class="*")"},
    {"counters", "held", "mitibox_held_frames", ""},
    {"ports", "*_ipackets", "mitibox_port_received_packets_total", R"(side="*")"},
    {"ports", "*_opackets", "mitibox_port_sent_packets_total", R"(side="*")"},
    {"ports", "*_imissed", "mitibox_port_missed_packets_total", R"(side="*")"},
    {"ports", "*_ierrors", "mitibox_port_receive_errors_total", R"(side="*")"},
    {"ports", "*_oerrors", "mitibox_port_send_errors_total", R"(side="*")"},
    {"ports", "*_rx_nombuf", "mitibox_port_no_buffer_total", R"(side="*")"},
    {"trust", "proven_sources", "mitibox_table_entries", R"(table="sources")"},
    {"trust", "evidence_*", "mitibox_evidence_total", R"(kind="*")"},
    {"trust", "sketch_evictions", "mitibox_evictions_total", R"(table="sketch")"},
    {"trust", "source_evictions", "mitibox_evictions_total", R"(table="sources")"},
    {"trust", "level*_passed", "mitibox_attempts_total", R"(level="*",verdict="passed")"},
    {"trust", "level*_diverted", "mitibox_attempts_total", R"(level="*",verdict="diverted")"},
    {"reply", "conversations", "mitibox_table_entries", R"(table="conversations")"},
    {"reply", "conversation_evictions", "mitibox_evictions_total", R"(table="conversations")"},
    {"reply", "syn_acks", "mitibox_forged_frames_total", R"(kind="syn_ack")"},
    {"reply", "echoes", "mitibox_forged_frames_total", R"(kind="echo_reply")"},
    {"reply", "unreachables", "mitibox_forged_frames_total", R"(kind="unreachable")"},
    {"reply", "repetitions", "mitibox_forged_repetitions_total", R"(kind="syn_ack")"},
    {"reply", "fins", "mitibox_forged_frames_total", R"(kind="fin")"},
    {"reply", "resets", "mitibox_forged_frames_total", R"(kind="reset")"},
    {"reply", "words", "mitibox_forged_frames_total", R"(kind="words")"},
    {"reply", "words_again", "mitibox_forged_repetitions_total", R"(kind="words")"},
    {"reply", "proofs", "mitibox_proofs_total", ""},
    {"reply", "bad_cookies", "mitibox_bad_cookies_total", ""},
    {"reply", "hosts_called", "mitibox_host_calls_total", ""},
    {"reply", "hosts_*", "mitibox_host_call_results_total", R"(outcome="*")"},
    {"reply", "splices_full", "mitibox_splices_full_total", ""},
    {"reply", "splices_lost", "mitibox_splices_lost_total", ""},
    {"reply", "sacks_written", "mitibox_sacks_written_total", ""},
    {"reply", "sacks_full", "mitibox_sacks_full_total", ""},
    {"neighbours", "answers", "mitibox_neighbour_answers_total", ""},
    {"neighbours", "probes", "mitibox_neighbour_probes_total", ""},
    {"neighbours", "announcements", "mitibox_neighbour_announcements_total", ""},
    {"neighbours", "rewrites", "mitibox_neighbour_rewrites_total", ""},
    {"neighbours", "facts_*", "mitibox_neighbour_facts_total", R"(direction="*")"},
    {"trust", "allowed_illegitimate", "mitibox_evidence_total", R"(kind="allowed")"},
    {"trust", "allowed_many", "mitibox_allowed_alarms_total", ""},
    {"trust", "escalations", "mitibox_escalations_total", ""},
    {"trust", "escalated_prefixes", "mitibox_escalated_prefixes", ""},
    {"trust", "prefix_evictions", "mitibox_evictions_total", R"(table="prefixes")"},
    {"reply", "trials", "mitibox_trials_total", ""},
    {"reply", "trials_*", "mitibox_trial_results_total", R"(result="*")"},
    {"reply", "findings_lost", "mitibox_findings_lost_total", ""},
    {"monitor", "bypassed", "mitibox_bypassed_frames_total", ""},
    {"monitor", "let", "mitibox_monitor_frames_total", R"(outcome="let")"},
    {"monitor", "translated", "mitibox_monitor_frames_total", R"(outcome="translated")"},
    {"monitor", "fragments_unjudged", "mitibox_monitor_frames_total",
     R"(outcome="unjudged_fragment")"},
    {"monitor", "would_end_*", "mitibox_monitor_would_end_total", R"(reason="*")"},
    {"monitor", "would_*", "mitibox_monitor_would_total", R"(what="*")"},
    {"events", "events_*", "mitibox_events_total", R"(outcome="*")"},
    {"load", "*", "", ""},  // of each worker instead
    {"tables", "*_connections", "mitibox_table_entries", R"(table="connections_*")"},
    {"tables", "*_half_open", "mitibox_half_open_connections", R"(table="connections_*")"},
    {"tables", "*_datagram", "mitibox_datagram_connections", R"(table="connections_*")"},
    {"tables", "*_evicted", "mitibox_evictions_total", R"(table="connections_*")"},
    {"tables", "*_expired", "mitibox_expired_total", R"(table="connections_*")"},
    {"tables", "retransmission_eviction_age_ms", "mitibox_retransmission_memory_seconds", "", 1e-3},
};

}  // namespace mitibox
