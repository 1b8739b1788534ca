//! Who is alive, by heartbeats: for nodes and for workers.
//!
//! Pure: beats and times in, a view out. The rule that keeps it honest: silence proves a death only
//! while this worker demonstrably hears the bus. It hears its own beats too; when those stop, after the
//! process was paused, and after every new connection, everyone gets [`RETURN_GRACE`] to be heard.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::{Duration, Instant};

use wire::heartbeat::{DEAD_AFTER, HEARTBEAT_INTERVAL};

/// Without an own beat for this long this worker is cut off, and declares nobody dead.
const CUT_OFF_AFTER: Duration = HEARTBEAT_INTERVAL.saturating_mul(3);
/// After an interruption of this worker's hearing, how long the others have to be heard again. What cut
/// this worker off cut them off too: they may notice by a ping (1 s) later, spend an attempt at a server
/// that does not answer (2 s), wait (250 ms), and beat.
const RETURN_GRACE: Duration = Duration::from_secs(4);
/// Who is silent for this long does not live if its session has run out as well: a worker renews every
/// second what lasts for three.
const SILENT_AFTER: Duration = HEARTBEAT_INTERVAL.saturating_mul(3);
/// How long an id is remembered as dead. After that it is unknown, which differs only in a grace.
const REMEMBER_DEAD: Duration = Duration::from_mins(10);

/// The beats that were heard.
#[derive(Debug)]
pub struct Liveness<Id> {
    alive: HashMap<Id, Life>,
    dead: HashMap<Id, Instant>,
    /// When this worker was last known to hear the bus.
    contact: Instant,
    /// Since when it has heard the bus without interruption.
    listening_since: Instant,
    /// Before this, silence proves nothing.
    judging_from: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Life {
    since: Instant,
    last_beat: Instant,
}

/// Who is alive, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View<Id: Eq + Hash> {
    alive: HashSet<Id>,
    dead: HashSet<Id>,
    settled: bool,
}

impl<Id: Clone + Eq + Hash> Liveness<Id> {
    /// Nobody is known yet, and everybody has [`DEAD_AFTER`] from `now` on to beat.
    pub fn new(now: Instant) -> Self {
        Self {
            alive: HashMap::new(),
            dead: HashMap::new(),
            contact: now,
            listening_since: now,
            judging_from: now + DEAD_AFTER,
        }
    }

    /// This worker heard its own beat: the bus works.
    pub fn contact(&mut self, now: Instant) {
        if self.is_cut_off(now) {
            self.interrupted(now);
        }
        self.contact = now;
    }

    /// This worker may have missed beats, and the others may have to find their way back first.
    pub fn interrupted(&mut self, now: Instant) {
        self.listening_since = now;
        self.judging_from = now + RETURN_GRACE;
    }

    /// Whether this worker has not heard the bus for a while: it must not judge others.
    pub fn is_cut_off(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.contact) > CUT_OFF_AFTER
    }

    /// Since when this worker has heard the bus without interruption.
    pub fn listening_since(&self) -> Instant {
        self.listening_since
    }

    /// `id` beat, for the last time if it is `leaving`.
    pub fn beat(&mut self, id: &Id, leaving: bool, now: Instant) {
        if leaving {
            self.alive.remove(id);
            self.dead.insert(id.clone(), now);
            return;
        }
        if let Some(life) = self.alive.get_mut(id) {
            life.last_beat = now;
        } else {
            self.dead.remove(id);
            self.alive.insert(id.clone(), Life { since: now, last_beat: now });
        }
    }

    /// Declares those dead whose beats stopped.
    pub fn expire(&mut self, now: Instant) {
        if self.is_cut_off(now) {
            return;
        }
        let judging_from = self.judging_from;
        let dead = &mut self.dead;
        self.alive.retain(|id, life| {
            let alive = now < judging_from.max(life.last_beat + DEAD_AFTER);
            if !alive {
                dead.insert(id.clone(), now);
            }
            alive
        });
        dead.retain(|_, died| now < *died + REMEMBER_DEAD);
    }

    /// The session of `id` ran out: nobody renewed it in time. Together with silence that proves its death
    /// sooner than silence alone.
    pub fn lapsed(&mut self, id: &Id, now: Instant) {
        if self.is_cut_off(now) || now < self.judging_from {
            return;
        }
        if self.alive.get(id).is_some_and(|life| now >= life.last_beat + SILENT_AFTER) {
            self.alive.remove(id);
            self.dead.insert(id.clone(), now);
        }
    }

    /// Since when `id` has been alive; `None` when it is not.
    pub fn alive_since(&self, id: &Id) -> Option<Instant> {
        self.alive.get(id).map(|life| life.since)
    }

    /// Everyone who is known to be alive.
    pub fn alive(&self) -> impl Iterator<Item = &Id> {
        self.alive.keys()
    }

    /// Who is alive, for those who cannot look here.
    pub fn view(&self, now: Instant) -> View<Id> {
        View {
            alive: self.alive.keys().cloned().collect(),
            dead: self.dead.keys().cloned().collect(),
            settled: !self.is_cut_off(now) && now >= self.judging_from,
        }
    }
}

impl<Id: Eq + Hash> View<Id> {
    /// Whether `id` is alive: it beats, or nobody can know yet.
    pub fn is_alive(&self, id: &Id) -> bool {
        self.alive.contains(id) || (!self.settled && !self.dead.contains(id))
    }
}

impl<Id: Eq + Hash> Default for View<Id> {
    /// Nothing is known, so everybody is alive.
    fn default() -> Self {
        Self { alive: HashSet::new(), dead: HashSet::new(), settled: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(100);

    /// Steps from `from` to `to` (in ticks), with an own beat at every tick where `hears` says so.
    fn pass(
        liveness: &mut Liveness<&'static str>,
        start: Instant,
        ticks: std::ops::Range<u32>,
        hears: bool,
    ) {
        for tick in ticks {
            let now = start + TICK * tick;
            if hears {
                liveness.contact(now);
            }
            liveness.expire(now);
        }
    }

    #[test]
    fn silence_kills_after_three_seconds() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start);
        liveness.beat(&"a", false, start);
        pass(&mut liveness, start, 0..30, true);
        assert!(liveness.alive_since(&"a").is_some());
        pass(&mut liveness, start, 30..31, true);
        assert!(liveness.alive_since(&"a").is_none());
        assert!(!liveness.view(start + TICK * 30).is_alive(&"a"));
    }

    #[test]
    fn leaving_is_immediate_and_a_beat_revives() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start);
        liveness.beat(&"a", false, start);
        liveness.beat(&"a", true, start);
        assert!(!liveness.view(start).is_alive(&"a"), "even in the grace");
        liveness.beat(&"a", false, start + TICK);
        assert_eq!(liveness.alive_since(&"a"), Some(start + TICK));
    }

    #[test]
    fn the_unknown_are_alive_until_they_had_time_to_beat() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start);
        pass(&mut liveness, start, 0..30, true);
        assert!(liveness.view(start + TICK * 29).is_alive(&"a"));
        pass(&mut liveness, start, 30..31, true);
        assert!(!liveness.view(start + TICK * 30).is_alive(&"a"));
    }

    #[test]
    fn nobody_dies_while_this_worker_is_cut_off() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start);
        liveness.beat(&"a", false, start);
        liveness.beat(&"gone", true, start);
        pass(&mut liveness, start, 0..10, true);
        // A pause of 20 s, in which the others beat unheard.
        pass(&mut liveness, start, 10..200, false);
        assert!(liveness.alive_since(&"a").is_some());
        // Back: everyone has the whole time again, except those who said goodbye.
        pass(&mut liveness, start, 200..240, true);
        let view = liveness.view(start + TICK * 239);
        assert!(view.is_alive(&"a") && view.is_alive(&"never heard") && !view.is_alive(&"gone"));
        pass(&mut liveness, start, 240..241, true);
        let view = liveness.view(start + TICK * 240);
        assert!(!view.is_alive(&"a") && !view.is_alive(&"never heard"));
    }

    #[test]
    fn a_new_connection_gives_the_others_time_to_make_theirs() {
        let start = Instant::now();
        for (down, back) in [(5, 44), (14, 53), (100, 139)] {
            let mut liveness = Liveness::new(start);
            pass(&mut liveness, start, 0..50, true);
            let cut = start + TICK * 50;
            liveness.beat(&"slow", false, cut);
            liveness.beat(&"quick", false, cut);
            pass(&mut liveness, cut, 0..down, false);
            // The own beats that had to wait come first, then the connection is known to be a new one,
            // or the other way round; then what the quick one had kept, and only then the slow one.
            let now = cut + TICK * down;
            liveness.contact(now);
            liveness.expire(now);
            liveness.interrupted(now);
            liveness.beat(&"quick", false, now);
            pass(&mut liveness, cut, down..back, true);
            assert!(liveness.view(cut + TICK * (back - 1)).is_alive(&"slow"), "{down}");
            liveness.beat(&"slow", false, cut + TICK * back);
            pass(&mut liveness, cut, back..back + 30, true);
            // Who beat no more is dead then, and who did is not.
            assert!(liveness.alive_since(&"quick").is_none(), "{down}");
            assert_eq!(liveness.alive_since(&"slow"), Some(cut), "{down}");
        }
    }

    #[test]
    fn a_lapsed_session_kills_only_the_silent_and_only_where_one_may_judge() {
        let start = Instant::now();
        // Ticks of silence, whether this worker hears, ticks since an interruption; dies?
        let table = [
            (15, true, 100, true),
            (14, true, 100, false),
            (29, true, 100, true),
            (20, true, 40, true),
            (20, true, 39, false),
            (20, false, 100, false),
        ];
        for (silence, hears, since, dies) in table {
            let ago = |ticks: u32| start + TICK * (200 - ticks);
            let (mut liveness, now) = (Liveness::new(start), ago(0));
            liveness.beat(&"a", false, ago(silence));
            liveness.contact(if hears { now } else { ago(16) });
            liveness.interrupted(ago(since));
            liveness.lapsed(&"a", now);
            assert_eq!(liveness.alive_since(&"a").is_none(), dies, "{silence} {hears} {since}");
            // It was only paused: it is heard again, and has to prove itself anew.
            liveness.beat(&"a", false, now + TICK);
            let since = if dies { now + TICK } else { ago(silence) };
            assert_eq!(liveness.alive_since(&"a"), Some(since));
        }
        let mut liveness = Liveness::new(start);
        liveness.lapsed(&"never heard", start + TICK * 100);
        assert!(liveness.view(start).is_alive(&"never heard"));
    }
}
