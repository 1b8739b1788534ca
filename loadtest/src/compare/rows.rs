//! The rows of the comparison: which figure stands where, and which end of it is good.
//!
//! Pure. Table and plot show the same rows.

use super::{
    figures::{Figures, MemoryFigures, RoomFigures},
    floor::FloorFigures,
    table::number,
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
    /// What nobody can save; no contender.
    pub floor: Option<Floor>,
}

/// The same measure of servers that do nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// A process that writes.
    pub write: f64,
    /// Processes that store each message in NATS, pass it on, and write.
    pub path: f64,
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

/// All rows, in the order of the table.
#[must_use]
pub fn rows(all: &[Figures], floor: &[FloorFigures]) -> Vec<Row> {
    let Some(first) = all.first() else { return Vec::new() };
    let group = "most deliveries/s (p99 < 1 s, nothing lost)";
    let mut rows = by_room(all, group, Better::More, 0, |room| {
        Some(room.saturation.as_ref()?.deliveries_per_second)
    });
    rows.extend(costs(all, floor));
    let group = "processor time of all servers, µs a delivery, at its own most deliveries/s";
    rows.extend(by_room(all, group, Better::Less, 2, |room| {
        room.saturation.as_ref()?.micros_of_all_servers()
    }));
    let group = "processor time of all servers, ms a second, all clients connected and silent";
    rows.extend(by_room(all, group, Better::Less, 1, RoomFigures::idle_millis));
    let mut add =
        |group: &str, name: String, better, decimals, of: &dyn Fn(&Figures) -> Option<f64>| {
            rows.push(row(all, group, name, better, decimals, of));
        };
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
    rows
}

/// One measure of all contenders.
fn row(
    all: &[Figures],
    group: &str,
    name: String,
    better: Better,
    decimals: usize,
    of: &dyn Fn(&Figures) -> Option<f64>,
) -> Row {
    let cells = all.iter().map(of).collect();
    Row { group: group.to_owned(), name, better, decimals, cells, floor: None }
}

/// One measure of all contenders, in rooms of each size.
fn by_room(
    all: &[Figures],
    group: &str,
    better: Better,
    decimals: usize,
    of: fn(&RoomFigures) -> Option<f64>,
) -> Vec<Row> {
    let sizes = all.iter().take(1).flat_map(|first| &first.rooms).map(|room| room.room_size);
    let row_of = |(at, room_size)| {
        let name = format!("rooms of {room_size}");
        row(all, group, name, better, decimals, &|figures| of(figures.rooms.get(at)?))
    };
    sizes.enumerate().map(row_of).collect()
}

/// What a delivery costs: at each rate, in rooms of each size.
fn costs(all: &[Figures], floor: &[FloorFigures]) -> Vec<Row> {
    let Some(first) = all.first().and_then(|figures| figures.rooms.first()) else {
        return Vec::new();
    };
    let cost_of = |(nth, rate): (usize, f64), (at, room_size): (usize, usize)| {
        let per_second = number(Some(rate), 0);
        let group = format!("processor time of all servers, µs a delivery, at {per_second}/s");
        let of = |figures: &Figures| {
            figures.rooms.get(at)?.costs.get(nth)?.outcome.micros_of_all_servers()
        };
        let same = |floor: &&FloorFigures| (floor.room_size, floor.rate) == (room_size, rate);
        let floor = floor.iter().find(same);
        let floor = floor.map(|floor| Floor { write: floor.write.micros, path: floor.path.micros });
        let name = format!("rooms of {room_size}");
        Row { floor, ..row(all, &group, name, Better::Less, 1, &of) }
    };
    let rates = || first.costs.iter().map(|cost| cost.rate).enumerate();
    let sizes = || all[0].rooms.iter().map(|room| room.room_size).enumerate();
    rates().flat_map(|rate| sizes().map(move |size| cost_of(rate, size))).collect()
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
