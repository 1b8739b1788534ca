//! Which live worker should own a partition.
//!
//! Rendezvous hashing: every worker scores every partition, the highest score wins. All workers
//! agree without talking, and when one comes or goes only its own partitions move. Leaves who is
//! alive to [`crate::liveness`] and who really owns to [`crate::lease`].

use wire::{Partition, WorkerId};

/// The worker that should own `partition`; `None` when there is no worker.
pub fn winner<'a>(
    workers: impl IntoIterator<Item = &'a WorkerId>,
    partition: Partition,
) -> Option<&'a WorkerId> {
    // Equal scores are all but impossible; the id makes the choice the same everywhere even then.
    workers.into_iter().max_by_key(|worker| (score(worker, partition), *worker))
}

/// 64-bit FNV-1a over id and partition, mixed so that ids that differ in one letter score apart.
fn score(worker: &WorkerId, partition: Partition) -> u64 {
    let number = partition.number().to_le_bytes();
    let bytes = worker.as_str().as_bytes().iter().chain(&number);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(hash)
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014): every input bit reaches every output bit.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use wire::PARTITIONS;

    use super::*;

    fn workers(count: usize, salt: u32) -> Vec<WorkerId> {
        (0..count).map(|n| WorkerId::parse(&format!("worker-{salt}-{n}")).unwrap()).collect()
    }

    #[test]
    fn nobody_wins_without_workers() {
        assert_eq!(winner(&[], Partition::of_room("general")), None);
    }

    #[test]
    fn scores_are_the_same_in_every_version() {
        // A change here would make old and new workers disagree during a rolling update.
        let worker = WorkerId::parse("worker-1").unwrap();
        let scores: Vec<u64> = Partition::all().take(2).map(|p| score(&worker, p)).collect();
        assert_eq!(scores, [13_881_664_343_362_836_140, 9_312_541_165_674_811_192]);
    }

    #[test]
    fn shares_are_balanced() {
        // Over many sets of workers, so that no lucky choice of ids decides.
        for count in [2, 3, 5, 8] {
            let mut least = u32::MAX;
            let mut total = HashMap::<usize, u32>::new();
            let sets = 200;
            for salt in 0..sets {
                let workers = workers(count, salt);
                let mut shares = vec![0_u32; count];
                for partition in Partition::all() {
                    let won = winner(&workers, partition).unwrap();
                    let index = workers.iter().position(|worker| worker == won).unwrap();
                    shares[index] += 1;
                    *total.entry(index).or_default() += 1;
                }
                least = least.min(*shares.iter().min().unwrap());
            }
            assert!(least > 0, "one of {count} workers got nothing");
            let fair =
                f64::from(u32::from(PARTITIONS) * sets) / f64::from(u32::try_from(count).unwrap());
            for share in total.into_values() {
                assert!((f64::from(share) / fair - 1.0).abs() < 0.1, "{share} of {fair}");
            }
        }
    }

    proptest! {
        #[test]
        fn only_the_partitions_of_one_who_leaves_move(count in 2_usize..8, salt: u32, gone in 0_usize..8) {
            let all = workers(count, salt);
            let gone = &all[gone % count];
            let rest: Vec<&WorkerId> = all.iter().filter(|worker| *worker != gone).collect();
            for partition in Partition::all() {
                let before = winner(&all, partition).unwrap();
                let after = winner(rest.iter().copied(), partition).unwrap();
                prop_assert!(before == gone || before == after);
            }
        }

        #[test]
        fn the_order_of_workers_does_not_matter(count in 1_usize..8, salt: u32) {
            let all = workers(count, salt);
            for partition in Partition::all() {
                prop_assert_eq!(winner(&all, partition), winner(all.iter().rev(), partition));
            }
        }
    }
}
