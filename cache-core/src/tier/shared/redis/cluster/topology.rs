//! The servers of a cluster and their slots, as the servers themselves report them.
//!
//! Each server has a view of its own, and may lag behind the others. A claim on a slot has the configuration epoch of its
//! claimant, and the highest one is valid
//! (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#configuration-epoch>).

use std::ops::RangeInclusive;

use super::slots;

/// A primary, in the view of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Primary {
    pub(super) id: String,
    pub(super) address: (String, u16),
    epoch: u64,
    slots: Vec<RangeInclusive<u16>>,
    /// The slots that are on their way to another server. Only the server itself reports them.
    leaving: Vec<u16>,
    /// Whether the others consider it failed.
    has_failed: bool,
}

impl Primary {
    /// Adds another view of the same primary.
    fn update(&mut self, mut seen: Self) {
        if self.epoch < seen.epoch {
            std::mem::swap(self, &mut seen);
        }
        self.has_failed |= seen.has_failed;
        if self.leaving.is_empty() {
            self.leaving = seen.leaving;
        }
    }
}

/// The number of a primary in [`Topology::primaries`].
pub(super) type Place = u16;

/// The most tags to try: enough to find a single slot. On average it takes as many as there are primaries.
const MAX_TRIES: u32 = 1 << 20;

/// The place of a slot that no server has.
const NOWHERE: Place = Place::MAX;

/// The primaries of a cluster, and the owner of each slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Topology {
    /// In the order of their ids.
    pub(super) primaries: Vec<Primary>,
    owners: Box<[Place]>,
}

impl Topology {
    /// Merges views. Of two claims on a slot the one with the higher epoch is valid.
    ///
    /// A primary without slots is part of it, unless it has failed: slots may be on their way to it.
    pub(super) fn merge(views: impl IntoIterator<Item = Primary>) -> Self {
        let mut primaries: Vec<Primary> = Vec::new();
        for seen in views {
            match primaries.iter_mut().find(|known| known.id == seen.id) {
                Some(known) => known.update(seen),
                None => primaries.push(seen),
            }
        }
        primaries.sort_unstable_by(|one, two| one.id.cmp(&two.id));
        let owners = owners(&primaries);
        let mut topology = Self { primaries, owners };
        let kept: Vec<bool> = (0..topology.primaries.len()).map(|place| topology.is_of_use(place)).collect();
        topology.retain(|place| kept[place]);
        topology
    }

    /// Whether a primary has slots, or may get some.
    fn is_of_use(&self, place: usize) -> bool {
        let primary = &self.primaries[place];
        self.owners.contains(&to_place(place)) || (primary.slots.is_empty() && !primary.has_failed)
    }

    /// Removes the primaries whose place `keep` does not accept.
    pub(super) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut places = Vec::with_capacity(self.primaries.len());
        let mut next = 0;
        for at in 0..self.primaries.len() {
            places.push(if keep(at) { next } else { NOWHERE });
            next += Place::from(keep(at));
        }
        let mut at = 0;
        self.primaries.retain(|_| {
            at += 1;
            places[at - 1] != NOWHERE
        });
        for owner in &mut self.owners {
            *owner = places.get(usize::from(*owner)).copied().unwrap_or(NOWHERE);
        }
    }

    /// The place of the primary that has a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<usize> {
        self.owners.get(usize::from(slot)).filter(|owner| **owner != NOWHERE).map(|owner| usize::from(*owner))
    }

    /// Whether a primary has any slot.
    pub(super) fn has_slots(&self, id: &str) -> bool {
        self.place(id).is_some_and(|place| self.owners.contains(&to_place(place)))
    }

    /// The number of slots of a primary.
    pub(super) fn slots(&self, place: usize) -> usize {
        self.owners.iter().filter(|owner| usize::from(**owner) == place).count()
    }

    /// Records a new owner of a slot.
    pub(super) fn set_owner(&mut self, slot: u16, id: &str) {
        if let (Some(place), Some(owner)) = (self.place(id), self.owners.get_mut(usize::from(slot))) {
            *owner = to_place(place);
        }
    }

    /// A number whose hash tag has a slot that stays with this primary, if the primary has any.
    pub(super) fn number_of(&self, place: usize, tag: impl Fn(u32) -> String) -> Option<u32> {
        let leaving = &self.primaries[place].leaving;
        let stays = |slot| self.owner(slot) == Some(place) && !leaving.contains(&slot);
        if !(0..slots::COUNT).any(stays) {
            return None;
        }
        (0..MAX_TRIES).find(|number| stays(slots::of(tag(*number).as_bytes())))
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.primaries.iter().position(|primary| primary.id == id)
    }
}

fn to_place(at: usize) -> Place {
    Place::try_from(at).unwrap_or(NOWHERE)
}

/// Returns the owner of each slot.
fn owners(primaries: &[Primary]) -> Box<[Place]> {
    let mut owners = vec![NOWHERE; usize::from(slots::COUNT)].into_boxed_slice();
    for (place, primary) in primaries.iter().enumerate() {
        for slot in primary.slots.iter().cloned().flatten() {
            let Some(owner) = owners.get_mut(usize::from(slot)) else { continue };
            let rival = primaries.get(usize::from(*owner));
            if rival.is_none_or(|rival| rival.epoch < primary.epoch) {
                *owner = to_place(place);
            }
        }
    }
    owners
}

/// Parses the reply to `CLUSTER NODES` of a server at `asked`
/// (<https://redis.io/docs/latest/commands/cluster-nodes/>). Lines that do not parse, and replicas, are skipped.
pub(super) fn parse<'a>(text: &'a str, asked: &'a str, prefers_names: bool) -> impl Iterator<Item = Primary> + 'a {
    text.lines().filter_map(move |line| primary(line, asked, prefers_names))
}

fn primary(line: &str, asked: &str, prefers_names: bool) -> Option<Primary> {
    let mut fields = line.split(' ');
    let (id, at, flags) = (fields.next()?, fields.next()?, fields.next()?);
    let has = |name| flags.split(',').any(|flag| flag == name);
    if !has("master") || has("handshake") || has("noaddr") {
        return None;
    }
    let epoch = fields.nth(3)?.parse().ok()?;
    // After the state of the link. A slot on its way is still one of its owner's, and also in brackets.
    let (moving, slots): (Vec<_>, Vec<_>) = fields.skip(1).partition(|field| field.starts_with('['));
    let slots = slots.into_iter().map(range).collect::<Option<_>>()?;
    let leaving = moving.into_iter().filter_map(|field| field[1..].split_once("->-")?.0.parse().ok()).collect();
    let address = address(at, asked, prefers_names)?;
    Some(Primary { id: id.to_owned(), address, epoch, slots, leaving, has_failed: has("fail") })
}

fn range(field: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = field.split_once('-').unwrap_or((field, field));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < slots::COUNT).then_some(first..=last)
}

/// Parses `ip:port@bus-port[,hostname]`. A server that has met no other does not know its own address.
fn address(text: &str, asked: &str, prefers_names: bool) -> Option<(String, u16)> {
    let (at, rest) = text.split_once('@')?;
    let (ip, port) = at.rsplit_once(':')?;
    let name = rest.split(',').nth(1).filter(|name| prefers_names && !name.is_empty() && !name.contains('='));
    let host = name.unwrap_or(if ip.is_empty() { asked } else { ip });
    Some((host.to_owned(), port.parse().ok().filter(|port| *port != 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: &str = "\
b 10.0.0.2:7001@17001,two.example master - 0 1700000000000 2 connected 5461-10922
a 10.0.0.1:7000@17000,one.example myself,master - 0 0 1 connected 0-5460 [77->-b] [93-<-c]
c :7002@17002 master - 0 1700000000000 3 connected 10923-16382 16383
d 10.0.0.4:7003@17003 slave a 0 1700000000000 1 connected
e 10.0.0.5:7004@17004 master - 0 1700000000000 0 connected
f 10.0.0.6:7005@17005 master,fail - 0 1700000000000 9 disconnected
g :0@0 master,noaddr - 0 0 0 disconnected
h 10.0.0.8:7006@17006 handshake - 0 0 0 connected
damaged
i 10.0.0.9:7007@17007 master - 0 0 4 connected 7-99999
";

    fn view(text: &str) -> Topology {
        Topology::merge(parse(text, "asked", false))
    }

    /// The slot of the tag that is found for a primary.
    fn slot_of(topology: &Topology, place: usize) -> Option<u16> {
        let tag = |number| format!("ns:{number}:");
        topology.number_of(place, tag).map(|number| slots::of(tag(number).as_bytes()))
    }

    #[test]
    fn primaries_have_their_addresses_and_slots() {
        let topology = view(VIEW);
        let ids: Vec<_> = topology.primaries.iter().map(|primary| primary.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c", "e"], "one without slots may get some; a failed one does not");
        assert_eq!(topology.primaries[2].address, ("asked".to_owned(), 7002));
        let owners = [0, 77, 93, 5460, 5461, 10_922, 10_923, 16_383].map(|slot| topology.owner(slot).unwrap());
        assert_eq!(owners, [0, 0, 0, 0, 1, 1, 2, 2]);
        assert!(topology.has_slots("a") && !topology.has_slots("e") && !topology.has_slots("x"));
        assert_eq!(topology.primaries[0].leaving, [77]);
        let owners: Vec<_> =
            (0..4).map(|place| slot_of(&topology, place).and_then(|slot| topology.owner(slot))).collect();
        assert_eq!(owners, [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn names_are_preferred_for_certificates() {
        let named: Vec<_> = parse(VIEW, "asked", true).map(|primary| primary.address.0).collect();
        assert_eq!(named[..3], ["two.example", "one.example", "asked"]);
    }

    #[test]
    fn the_newer_claim_on_a_slot_is_valid_in_any_order() {
        let old = "a 10.0.0.1:1@2 master - 0 0 1 connected 0-16383\n";
        let new =
            "a 10.0.0.1:1@2 master,fail - 0 0 1 connected\nz 10.0.0.9:1@2 myself,master - 0 0 5 connected 0-16383\n";
        for views in [[old, new], [new, old]] {
            let topology = Topology::merge(views.iter().flat_map(|text| parse(text, "asked", false)));
            assert_eq!(topology.primaries.len(), 1, "the failed one is not asked again");
            assert_eq!(topology.owner(17).map(|place| topology.primaries[place].id.as_str()), Some("z"));
        }
    }

    #[test]
    fn a_slot_on_its_way_has_no_tag() {
        let mut topology = view("a 10.0.0.1:1@2 myself,master - 0 0 1 connected 5-6 [5->-b]\n");
        assert_eq!(slot_of(&topology, 0), Some(6));
        topology.set_owner(6, "unknown");
        assert_eq!(topology.owner(6), Some(0));
    }

    #[test]
    fn a_primary_that_is_left_has_no_slots() {
        let mut topology = view(VIEW);
        topology.retain(|place| place != 0);
        let owners = [0, 5461, 10_923].map(|slot| topology.owner(slot));
        assert_eq!((topology.primaries[0].id.as_str(), owners), ("b", [None, Some(0), Some(1)]));
    }

    #[test]
    fn a_slot_without_an_owner_is_known_as_such() {
        let topology = view("a 10.0.0.1:1@2 myself,master - 0 0 1 connected 0-9\n");
        assert_eq!((topology.owner(9), topology.owner(10)), (Some(0), None));
    }
}
