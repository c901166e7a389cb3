//! What servers and their clients do.
use super::{Origin, World, is_silent};
impl World {
    pub(super) fn traffic(&mut self) {
        let server = &mut self.servers[self.named];
        let online: Vec<String> = server.online.iter().cloned().collect();
        if let Some(id) = self.dice.pick(&online).cloned() {
            let (tx, rx) = (self.dice.below(20), self.dice.below(30));
            self.moves(self.named, &id, tx, rx);
        }
    }

    pub(super) fn moves(&mut self, server: usize, id: &str, tx: u64, rx: u64) {
        let counters = self.servers[server].map.entry(id.to_owned()).or_default();
        counters.tx += tx;
        counters.rx += rx;
        *self.moved.entry(id.to_owned()).or_default() += (tx + rx).cast_signed();
    }

    pub(super) fn connect(&mut self) {
        self.ids += 1;
        let device = self.dice.below(4);
        let owner = self.devices[usize::try_from(device).unwrap()];
        let end = if self.dice.chance(30) { "x" } else { "" };
        let id = format!("{owner}.{device}.{}{end}", self.ids);
        self.servers[self.named].online.insert(id);
    }

    pub(super) fn disconnect(&mut self) {
        let online: Vec<String> = self.servers[self.named].online.iter().cloned().collect();
        if let Some(id) = self.dice.pick(&online) {
            self.servers[self.named].online.remove(id);
        }
    }

    pub(super) fn logs_once_more(&mut self) {
        let server = &self.servers[self.named];
        let dead: Vec<String> = server
            .map
            .keys()
            .filter(|id| !server.online.contains(*id) && !is_silent(id))
            .cloned()
            .collect();
        if let Some(id) = self.dice.pick(&dead).cloned() {
            let more = self.dice.below(40);
            self.moves(self.named, &id, more, more);
        }
    }

    pub(super) fn restart(&mut self) {
        let server = &mut self.servers[self.named];
        server.emptied += 1;
        server.map.clear();
        server.online.clear();
    }

    pub(super) fn cleared_by_another(&mut self) {
        let server = &mut self.servers[self.named];
        server.emptied += 1;
        server.map.clear();
    }

    /// Devices go to another user, users are erased: ids that were admitted before keep their owner.
    pub(super) fn change_owners(&mut self) {
        let device = usize::try_from(self.dice.below(4)).unwrap();
        self.devices[device] = self.dice.below(3).cast_signed();
    }

    pub(super) fn origin(&self) -> Origin {
        (self.named, self.servers[self.named].emptied)
    }

    // What holders do.
}
