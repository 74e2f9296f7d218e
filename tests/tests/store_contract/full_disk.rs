//! The disk is full for a while.

use crate::medium::Medium;
use crate::subject::Subject;
use headland_fleet::disk::Disk;
use headland_host::tables::StoreError;

/// Some kilobytes each: a store that still takes writes after so many does not feel the disk.
const WRITES_MAX: usize = 2_000;

/// Fills the disk under a store, empties it again, and does so once more.
pub(crate) fn goes_on_by_itself<S: Subject>() {
    let disk = Disk::default();
    let mut subject = S::open(&Medium::Disk(disk.clone())).unwrap();
    for number in 0..S::steps() {
        subject.step(number).unwrap();
    }
    for _ in 0..2 {
        disk.set_full(true);
        let mut last = subject.look().unwrap();
        let error = (0..WRITES_MAX).find_map(|_| match subject.fill() {
            Ok(()) => {
                last = subject.look().unwrap();
                None
            }
            Err(error) => Some(error),
        });
        assert_clear(&error.expect("the disk never fills"));
        for _ in 0..5 {
            assert_eq!(
                subject.look().unwrap(),
                last,
                "{}: reads go on, and nothing half is seen",
                S::NAME
            );
            // What the failed write gave back may be room for another one.
            match subject.fill() {
                Ok(()) => last = subject.look().unwrap(),
                Err(error) => assert_clear(&error),
            }
        }
        disk.set_full(false);
        subject.fill().unwrap();
        let now = subject.look().unwrap();
        assert_ne!(now, last);
        assert!(last.keys().all(|line| now.contains_key(line)));
    }
}

fn assert_clear(error: &StoreError) {
    assert!(matches!(error, StoreError::Full), "{error}");
    assert!(error.to_string().contains("no space left"), "{error}");
}
