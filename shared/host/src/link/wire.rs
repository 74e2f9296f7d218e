//! What frames cost on the wire, as far as a program can know it: MQTT's packets, and what TCP and IP add to them.
//!
//! Each packet is taken for one that travels by itself and is acknowledged by itself, so the sum is rather too high
//! than too low. IPv4 without options and TCP with timestamps have 52 bytes of headers (RFC 791, RFC 9293, RFC 7323).

use rumqttc::{Event, Outgoing, Packet};

/// Headers of one segment.
const HEADER_BYTES: u64 = 52;
/// What one segment carries on a usual line.
const SEGMENT_BYTES_MAX: u64 = 1_400;
/// The first segment each way carries more options.
const SYN_BYTES: u64 = 60;
/// Three segments to begin, four to end.
const CONNECTION_BYTES: u64 = 2 * SYN_BYTES + 5 * HEADER_BYTES;
/// CONNECT without the client's identifier, and the answer.
const CONNECT_BYTES_BESIDE: u64 = 14;
const CONNACK_BYTES: u64 = 4;
/// Type, length and packet identifier: all of most packets.
const SMALL_BYTES: u64 = 4;
const PING_BYTES: u64 = 2;

/// What a packet of so many bytes costs, with its acknowledgement by TCP.
pub(super) const fn of_packet(bytes: u64) -> u64 {
    let segments = bytes.div_ceil(SEGMENT_BYTES_MAX);
    bytes + HEADER_BYTES * (segments + segments.div_ceil(2))
}

/// What a frame on a topic costs, if MQTT says it once.
pub(super) const fn of_frame(topic: usize, payload: usize) -> u64 {
    of_packet((super::handle::PUBLISH_BYTES_BESIDE + topic + payload) as u64)
}

/// What an attempt to connect costs that was not answered.
pub(super) const fn of_attempt() -> u64 {
    SYN_BYTES
}

/// What a connection costs from its beginning to its end, without what it carries.
pub(super) const fn of_connection(client_id: usize) -> u64 {
    CONNECTION_BYTES + of_packet(CONNECT_BYTES_BESIDE + client_id as u64) + of_packet(CONNACK_BYTES)
}

/// What subscribing costs, or taking subscriptions back, without the answer.
pub(super) fn of_filters<'a>(filters: impl Iterator<Item = &'a str>) -> u64 {
    of_packet(filters.map(|filter| filter.len() as u64 + 3).sum::<u64>() + SMALL_BYTES)
}

/// What one event of a connection costs; frames that are sent are counted where they are handed over.
pub(super) fn of_event(event: &Event) -> u64 {
    match event {
        Event::Incoming(Packet::Publish(frame)) => of_frame(frame.topic.len(), frame.payload.len()),
        Event::Incoming(Packet::SubAck(answer)) => of_packet(SMALL_BYTES + answer.return_codes.len() as u64),
        Event::Incoming(Packet::PingResp) | Event::Outgoing(Outgoing::PingReq) => of_packet(PING_BYTES),
        Event::Incoming(_) | Event::Outgoing(Outgoing::PubAck(_)) => of_packet(SMALL_BYTES),
        Event::Outgoing(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_packet_costs_a_header_for_each_segment_and_each_second_acknowledgement() {
        assert_eq!(of_packet(2), 2 + 2 * 52);
        assert_eq!(of_packet(1_400), 1_400 + 2 * 52);
        assert_eq!(of_packet(1_401), 1_401 + 3 * 52);
        assert_eq!(of_packet(14_000), 14_000 + 15 * 52);
    }
}
