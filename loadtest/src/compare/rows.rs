//! The rows of the comparison: which figure stands where, and which end of it is good.
//!
//! Pure. Table and plot show the same rows.

use super::{
    figures::{Figures, MemoryFigures, RoomFigures},
    floor::FloorFigures,
};

/// Whether more or less of a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    More,
    Less,
}

/// One measure, for each contender in turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Rows of one group share a scale.
    pub group: String,
    pub name: String,
    pub better: Better,
    pub decimals: usize,
    /// `None` where there is no such figure.
    pub cells: Vec<Option<f64>>,
    /// What a server that does nothing but `write(2)` has; no contender.
    pub floor: Option<f64>,
}

impl Row {
    /// The column of the best figure; `None` where two share it or there is one only.
    #[must_use]
    pub fn best(&self) -> Option<usize> {
        let known = || self.cells.iter().enumerate().filter_map(|(at, cell)| Some((at, (*cell)?)));
        let order = |left: f64, right: f64| match self.better {
            Better::More => right.total_cmp(&left),
            Better::Less => left.total_cmp(&right),
        };
        let (best, value) = known().min_by(|left, right| order(left.1, right.1))?;
        let text = |value: f64| format!("{value:.*}", self.decimals);
        let shared = known().filter(|(_, other)| text(*other) == text(value)).count() > 1;
        (!shared && known().count() > 1).then_some(best)
    }
}

/// What a delivery costs.
const COST: &str = "processor time of all servers, µs a delivery, at 5,000/s";

/// All rows, in the order of the table.
#[must_use]
pub fn rows(all: &[Figures], floor: &[FloorFigures]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add =
        |group: &str, name: String, better, decimals, of: &dyn Fn(&Figures) -> Option<f64>| {
            let cells = all.iter().map(of).collect();
            rows.push(Row { group: group.to_owned(), name, better, decimals, cells, floor: None });
        };
    let Some(first) = all.first() else { return rows };

    for (at, room) in first.rooms.iter().enumerate() {
        let name = format!("rooms of {}", room.room_size);
        add("most deliveries/s (p99 < 1 s, nothing lost)", name, Better::More, 0, &|figures| {
            Some(figures.rooms.get(at)?.saturation.as_ref()?.deliveries_per_second)
        });
    }
    for (at, room) in first.rooms.iter().enumerate() {
        let of = |pick: fn(&RoomFigures) -> Option<f64>| {
            move |figures: &Figures| pick(figures.rooms.get(at)?)
        };
        let name = format!("rooms of {}", room.room_size);
        add(COST, name, Better::Less, 1, &of(|room| room.cost.micros_of_all_servers()));
    }
    for (at, room) in first.rooms.iter().enumerate() {
        let group = "processor time of all servers, ms a second, all clients connected and silent";
        let name = format!("rooms of {}", room.room_size);
        add(group, name, Better::Less, 1, &|figures| figures.rooms.get(at)?.idle_millis());
    }
    let group = "ms from due to receipt, at 100 messages/s in rooms of 10";
    add(group, "p50".to_owned(), Better::Less, 2, &|figures| Some(figures.latency.delivery.p50));
    add(group, "p99".to_owned(), Better::Less, 2, &|figures| Some(figures.latency.delivery.p99));
    add(group, "p99.9".to_owned(), Better::Less, 2, &|figures| {
        Some(figures.latency.delivery.p99_9)
    });
    for (at, memory) in first.memory.iter().enumerate() {
        add_memory(&mut add, at, memory.asked);
        let group = format!("connections held, of {}", memory.asked);
        add(&group, "held".to_owned(), Better::More, 0, &|figures| {
            #[allow(clippy::cast_precision_loss)]
            let held = figures.memory.get(at)?.held as f64;
            Some(held)
        });
    }
    let group = "MiB of all servers (PSS)";
    add(group, "without a connection".to_owned(), Better::Less, 0, &|figures| {
        #[allow(clippy::cast_precision_loss)]
        let bytes = figures.memory.first()?.all.empty.pss as f64;
        Some(bytes / f64::from(1 << 20))
    });
    let group = "bytes at the client's socket, 1,000 bytes of content";
    add(group, "received".to_owned(), Better::Less, 0, &|figures| Some(figures.wire.received));
    add(group, "sent".to_owned(), Better::Less, 0, &|figures| Some(figures.wire.sent));
    add(group, "ack".to_owned(), Better::Less, 0, &|figures| Some(figures.wire.ack));
    let group = "deliveries, half of the clients dropped for 3 s";
    #[allow(clippy::cast_precision_loss)]
    add(group, "lost".to_owned(), Better::Less, 0, &|figures| Some(figures.absence.lost as f64));
    #[allow(clippy::cast_precision_loss)]
    add(group, "twice".to_owned(), Better::Less, 0, &|figures| Some(figures.absence.twice as f64));
    // Measured for the same room sizes, in the same order.
    let costs = rows.iter_mut().filter(|row| row.group == COST);
    for (row, floor) in costs.zip(floor) {
        row.floor = Some(floor.micros);
    }
    rows
}

/// Adds a row, by its group, its name, its better end, its decimals and its figures.
type Add<'a> = dyn FnMut(&str, String, Better, usize, &dyn Fn(&Figures) -> Option<f64>) + 'a;

/// A figure of the memory.
type OfMemory = fn(&MemoryFigures) -> f64;

/// The memory of a connection, in all processes and in the nodes alone; `at` is the measurement.
fn add_memory(add: &mut Add<'_>, at: usize, asked: usize) {
    let group = format!("KiB a connection, with {asked}");
    let table: [(&str, OfMemory); 4] = [
        ("idle, all (PSS)", |m| m.each(m.all.idle.pss, m.all.empty.pss)),
        ("after a burst, all", |m| m.each(m.all.after_burst.pss, m.all.empty.pss)),
        ("idle, nodes (RSS)", |m| m.each(m.nodes.idle.rss, m.nodes.empty.rss)),
        ("after a burst, nodes", |m| m.each(m.nodes.after_burst.rss, m.nodes.empty.rss)),
    ];
    for (name, pick) in table {
        let of = |figures: &Figures| Some(pick(figures.memory.get(at)?));
        add(&group, name.to_owned(), Better::Less, 1, &of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(better: Better, cells: &[Option<f64>]) -> Row {
        Row {
            group: String::new(),
            name: String::new(),
            better,
            decimals: 1,
            cells: cells.to_vec(),
            floor: None,
        }
    }

    #[test]
    fn the_best_is_the_most_or_the_least_and_never_shared() {
        let none: &[Option<f64>] = &[];
        let table = [
            (Better::More, &[Some(1.0), Some(3.0), Some(2.0)][..], Some(1)),
            (Better::Less, &[Some(1.0), Some(3.0), None], Some(0)),
            (Better::Less, &[Some(1.02), Some(1.04)], None),
            (Better::Less, &[None, None], None),
            (Better::More, &[Some(1.0)], None),
            (Better::More, none, None),
        ];
        for (better, cells, best) in table {
            assert_eq!(row(better, cells).best(), best, "{better:?} {cells:?}");
        }
    }
}
