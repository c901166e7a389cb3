use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}
type Now = Result<Counters, Unreadable>;
const NONE: Now = Err(Unreadable { tx: None, rx: None });
#[expect(clippy::unnecessary_wraps, reason = "stands beside NONE")]
fn c(tx: u64, rx: u64) -> Now {
    Ok(Counters { tx, rx })
}
fn look(baseline: &mut Baseline, answer: &[(&str, Now)]) -> Seen {
    let mut look = baseline.look();
    for (id, now) in answer {
        look.entry(id, *now);
    }
    look.finish()
}
fn merged(answer: &[(&str, Now)]) -> Baseline {
    let mut baseline = Baseline::default();
    let seen = look(&mut baseline, answer);
    baseline.acknowledge(&seen, at(0), |_| false);
    baseline
}
fn ids(seen: &Seen) -> Vec<&str> {
    seen.moved.iter().map(|m| &*m.id).collect()
}

#[test]
fn only_what_moved_is_merged() {
    let mut baseline = merged(&[("a", c(1, 1)), ("b", c(2, 2))]);
    let seen = look(
        &mut baseline,
        &[("a", c(1, 1)), ("b", c(2, 3)), ("d", c(0, 0))],
    );
    assert!(!seen.emptied);
    assert_eq!(ids(&seen), ["b", "d"]);
    assert_eq!(seen.moved[0].merged, Counters { tx: 2, rx: 2 });
    assert_eq!(seen.moved[0].since, Some(at(0)));
    assert_eq!(seen.entries, 3);
}

#[test]
fn a_lower_or_a_missing_id_says_that_the_map_was_emptied() {
    for answer in [
        vec![("a", c(5, 5)), ("b", c(5, 4))],
        vec![("a", c(5, 5))],
        vec![("x", c(9, 9))],
        vec![],
    ] {
        let mut baseline = merged(&[("a", c(5, 5)), ("b", c(5, 5))]);
        assert!(look(&mut baseline, &answer).emptied, "{answer:?}");
    }
}

#[test]
fn of_a_new_generation_all_is_merged_and_the_old_is_forgotten() {
    let mut baseline = merged(&[("a", c(5, 5)), ("b", c(5, 5)), ("d", c(1, 1))]);
    let answer = [("a", c(5, 5)), ("b", c(7, 7))];
    let seen = look(&mut baseline, &answer);
    assert!(seen.emptied);
    assert_eq!(ids(&seen), ["a", "b"]);
    assert!(seen.moved.iter().all(|m| m.merged == Counters::default()));
    assert!(seen.moved.iter().all(|m| m.since == Some(at(0))));
    baseline.acknowledge(&seen, at(1), |_| false);
    assert!(!look(&mut baseline, &answer).emptied, "d is forgotten");
}

#[test]
fn an_unreadable_entry_is_present_and_told_once() {
    let mut baseline = merged(&[("a", c(5, 5))]);
    let seen = look(&mut baseline, &[("a", NONE)]);
    assert!(!seen.emptied);
    assert_eq!(ids(&seen), ["a"]);
    baseline.acknowledge(&seen, at(1), |_| false);
    assert_eq!(look(&mut baseline, &[("a", NONE)]).moved, []);
    let seen = look(&mut baseline, &[("a", c(4, 9))]);
    assert!(seen.emptied, "its last readable value still counts");
}

#[test]
fn what_was_not_acknowledged_is_told_again() {
    let mut baseline = merged(&[("a", c(5, 5))]);
    let first = look(&mut baseline, &[("a", c(6, 6))]);
    let again = look(&mut baseline, &[("a", c(6, 6))]);
    assert_eq!(first, again);
}

#[test]
fn half_an_answer_changes_nothing() {
    let mut baseline = merged(&[("a", c(5, 5)), ("b", c(5, 5))]);
    let mut half = baseline.look();
    half.entry("a", c(9, 9));
    drop(half);
    let seen = look(&mut baseline, &[("a", c(6, 6)), ("b", c(5, 5))]);
    assert!(!seen.emptied);
    assert_eq!(ids(&seen), ["a"]);
}

#[test]
fn a_key_given_twice_counts_once() {
    let mut baseline = merged(&[("a", c(1, 1)), ("b", c(1, 1))]);
    let seen = look(
        &mut baseline,
        &[("a", c(2, 9)), ("a", c(7, 3)), ("b", c(1, 1))],
    );
    assert_eq!(seen.moved.len(), 1);
    assert_eq!(seen.moved[0].now, c(7, 9));
    assert!(
        look(&mut baseline, &[("a", c(2, 9)), ("a", c(7, 3))]).emptied,
        "b is missing, however often a is there"
    );
}

#[test]
fn dead_is_offline_and_unchanged_over_two_reads() {
    let answer = [("a", c(1, 1)), ("b", c(1, 1)), ("d", c(1, 1))];
    let mut baseline = merged(&answer);
    let read = |baseline: &mut Baseline, answer: &[(&str, Now)]| {
        let seen = look(baseline, answer);
        baseline.acknowledge(&seen, at(9), |_| false);
        baseline.bury(|id| id == "b").ids
    };
    assert_eq!(baseline.bury(|id| id == "b").ids, 0, "all have just moved");
    assert_eq!(read(&mut baseline, &answer), 0);
    assert_eq!(read(&mut baseline, &answer), 2);
    let logged_once_more = [("a", c(1, 2)), ("b", c(1, 1)), ("d", c(1, 1))];
    assert_eq!(read(&mut baseline, &logged_once_more), 1);
}

#[test]
fn a_late_answer_must_continue_its_senders_read() {
    let baseline = merged(&[("a", c(5, 5)), ("b", c(5, 5))]);
    let answer = |of: &[(&str, Now)]| of.iter().map(|(id, now)| (Box::from(*id), *now)).collect();
    assert!(baseline.is_continued_by(&answer(&[("a", c(6, 5)), ("b", NONE), ("x", c(1, 1))])));
    assert!(!baseline.is_continued_by(&answer(&[("a", c(6, 5))])));
    assert!(!baseline.is_continued_by(&answer(&[("a", c(6, 4)), ("b", c(5, 5))])));
}

#[test]
fn what_is_held_is_looked_at_with_every_read_until_it_heals() {
    let mut baseline = merged(&[("a", c(5, 5))]);
    let seen = look(&mut baseline, &[("a", c(99, 5))]);
    baseline.acknowledge(&seen, at(1), |id| id == "a");
    let again = look(&mut baseline, &[("a", c(99, 5))]);
    assert_eq!(again.moved[0].merged, Counters { tx: 5, rx: 5 });
    assert_eq!(again.moved[0].since, Some(at(0)));
    assert!(!again.moved[0].fresh);
    assert!(
        look(&mut baseline, &[("a", c(98, 5))]).emptied,
        "it was seen"
    );
    let again = look(&mut baseline, &[("a", c(99, 5))]);
    baseline.acknowledge(&again, at(2), |_| false);
    assert_eq!(look(&mut baseline, &[("a", c(99, 5))]).moved, []);
    let later = look(&mut baseline, &[("a", c(100, 5))]);
    assert_eq!(later.moved[0].since, Some(at(2)));
}

#[test]
fn strangers_have_only_so_much_room() {
    let ours = |id: &str| id.starts_with("ours");
    let mut baseline = Baseline::default();
    let mut read = |answer: &[(&str, u64)]| {
        let mut look = baseline.look_among(2, ours);
        for (id, tx) in answer {
            look.entry(id, c(*tx, 0));
        }
        let seen = look.finish();
        baseline.acknowledge(&seen, at(0), |_| false);
        let ids: Vec<String> = seen.moved.iter().map(|m| m.id.to_string()).collect();
        (ids, seen.entries, seen.emptied)
    };
    let (ids, entries, emptied) = read(&[("a", 1), ("b", 1), ("c", 1), ("ours1", 1), ("ours2", 1)]);
    assert_eq!(
        (ids, entries, emptied),
        (
            vec!["a".into(), "b".into(), "ours1".into(), "ours2".into()],
            5,
            false
        )
    );
    // Those that are remembered go on to be compared; those that found no room never are.
    let (ids, entries, emptied) = read(&[("b", 2), ("c", 0), ("a", 1), ("ours1", 1), ("ours2", 1)]);
    assert_eq!((ids, entries, emptied), (vec!["b".into()], 5, false));
    let (_, _, emptied) = read(&[("b", 1), ("a", 1), ("ours1", 1), ("ours2", 1)]);
    assert!(emptied);
}

#[test]
fn strangers_beyond_the_cap_are_counted_and_dead_once_two_reads_had_them() {
    let mut baseline = Baseline::default();
    let read = |baseline: &mut Baseline, ids: &[&str]| {
        let mut look = baseline.look_among(1, |id| id == "ours");
        for id in ids {
            look.entry(id, c(1, 1));
        }
        let seen = look.finish();
        baseline.acknowledge(&seen, at(0), |_| false);
        (seen.emptied, seen.beyond.ids, baseline.len())
    };
    assert_eq!(
        read(&mut baseline, &["ours", "x1", "x2", "x3"]),
        (false, 2, 2)
    );
    assert_eq!(baseline.bury_beyond(0), Dead::default());
    assert_eq!(
        read(&mut baseline, &["ours", "x1", "x2", "x3", "x4"]),
        (false, 3, 2)
    );
    let dead = Dead {
        ids: 2,
        bytes: 2 * 38,
    };
    assert_eq!(baseline.bury_beyond(0), dead);
    assert_eq!(baseline.bury_beyond(1).ids, 1, "one of them may be online");
    assert_eq!(baseline.bury_beyond(9).ids, 0);
    assert_eq!(read(&mut baseline, &["ours", "x9", "y"]), (true, 1, 1));
    assert_eq!(baseline.bury_beyond(0).ids, 0, "a new map");
    let mut next = Baseline::load(baseline.iter());
    assert_eq!(read(&mut next, &["ours", "x9", "y"]), (false, 1, 2));
}
