//! The merge in SQL is the merge of the model, row for row, on random sequences of reports.
use super::{
    model::{Dice, Entry, Held, Tables, schedules, seed},
    world::World,
};
use hywarden::{
    models::NodeNo,
    repositories::usage::{self, Counted, MergeLine, Step},
};
use serde_json::{Value, json};

#[tokio::test]
async fn the_statement_does_what_the_model_does() {
    let world = World::new().await;
    let seed = seed();
    let mut conn = world.db.connect().await;
    for round in 0..schedules(80, 2_000) {
        let mut dice = Dice::new(seed.wrapping_add(round));
        let (mut model, mut node) = (Tables::default(), 1_i64);
        for step in 0..40 {
            if dice.chance(20) {
                node += 1 + i64::from(dice.chance(20));
            }
            let generation = (node - i64::try_from(dice.below(4)).unwrap()).max(1);
            let doubtful = if dice.chance(50) {
                0
            } else {
                generation - i64::try_from(dice.below(3)).unwrap()
            };
            let node_doubtful = if dice.chance(50) { 0 } else { node };
            let mut report: Vec<Entry> = Vec::new();
            for n in 0..6_i64 {
                if dice.chance(60) {
                    let value = |dice: &mut Dice| i64::try_from(dice.below(40)).unwrap();
                    report.push((
                        format!("r{round}.{n}"),
                        (round.cast_signed() * 10 + n % 2 + 1, n % 3),
                        value(&mut dice),
                        value(&mut dice),
                    ));
                }
            }
            let held_before = model.held.len();
            model.merge(generation, doubtful, (node, node_doubtful), &report);
            let counted: Vec<Counted> = report.iter().map(counted).collect();
            let began = world.clock.now();
            let step_of = Step {
                node: NodeNo(1),
                generation,
                doubtful,
                node_generation: node,
                node_doubtful,
                began,
                hour: "2026-11-21T10:00:00Z".parse().unwrap(),
            };
            let told = usage::merge(&mut conn, step_of, &counted).await.unwrap();
            let mut expected = model.held[held_before..].to_vec();
            let mut held: Vec<Held> = told.iter().filter_map(held).collect();
            for list in [&mut expected, &mut held] {
                list.sort_by(|a, b| (&a.id, a.reason).cmp(&(&b.id, b.reason)));
            }
            assert_eq!(held, expected, "seed {seed} round {round} step {step}");
        }
        let rows = world
            .rows(&format!("SELECT id, generation, base_tx, prev_tx, cur_tx, base_rx, prev_rx, cur_rx FROM connections WHERE id LIKE 'r{round}.%' ORDER BY id"))
            .await;
        let expected: Vec<Value> = model
            .rows
            .iter()
            .map(|(id, row)| {
                json!({"id": id, "generation": row.generation,
                    "base_tx": row.tx.base, "prev_tx": row.tx.prev, "cur_tx": row.tx.cur,
                    "base_rx": row.rx.base, "prev_rx": row.rx.prev, "cur_rx": row.rx.cur})
            })
            .collect();
        assert_eq!(rows, Value::Array(expected), "seed {seed} round {round}");
        let totals = world
            .rows(&format!("SELECT user_no, device_no, tx, rx FROM usage_totals WHERE user_no / 10 = {round} ORDER BY 1, 2"))
            .await;
        let expected: Vec<Value> = model
            .totals
            .iter()
            .filter(|(_, total)| **total != (0, 0))
            .map(|((user, device), (tx, rx))| json!({"user_no": user, "device_no": device, "tx": tx, "rx": rx}))
            .collect();
        assert_eq!(totals, Value::Array(expected), "seed {seed} round {round}");
    }
    world.db.execute("DELETE FROM usage_touched").await;
    world.assert_conserved().await;
}

fn counted((id, (user, device), tx, rx): &Entry) -> Counted {
    Counted {
        id: id.as_str().into(),
        user: *user,
        device: *device,
        credential_version: 1,
        tx: *tx,
        rx: *rx,
    }
}

fn held(line: &MergeLine) -> Option<Held> {
    let reason = match line.kind.as_str() {
        "doubt" => "doubt",
        "old_generation" => "old_generation",
        _ => return None,
    };
    Some(Held {
        id: line.id.clone(),
        generation: line.generation,
        reason,
        tx: line.tx,
        rx: line.rx,
    })
}
