//! Hash slots: which keys a server of a cluster has
//! (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>).

/// The number of slots of a cluster.
pub(super) const COUNT: u16 = 16_384;

/// Returns the slot of a key, by its hash tag if it has one.
pub(super) fn of(key: &[u8]) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(tag(key)) % COUNT
}

/// The part of the key between its first `{` and the next `}`, unless it is empty; else the key.
fn tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        Some(length) if length > 0 => &rest[..length],
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slots are those of `CLUSTER KEYSLOT`.
    #[test]
    fn the_slot_of_a_key_is_that_of_its_tag() {
        for (key, slot) in [("123456789", 12_739), ("", 0), ("foo", 12_182), ("{}foo", 9_500), ("a{foo}b", 12_182)] {
            assert_eq!(of(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(of(b"copilot:llm:policy:t1"), of(b"g:{copilot:llm:policy:t1}:writers"));
        assert_eq!(of(b"{a}{foo}"), of(b"a"));
        assert_eq!(of(b"a{b"), of(b"{a{b}"));
    }
}
