//! The limit on requests in flight: the gate alone, and under a real client.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use codecommit::aws::gate::{Gate, Slot};
use codecommit::aws::{Aws, Concurrency};
use futures_util::FutureExt as _;
use proptest::prelude::*;
use tokio::sync::Barrier;

use crate::endpoint::in_time;

fn enter(gate: &Arc<Gate>, times: usize) -> Vec<Slot> {
    (0..times).map_while(|_| gate.enter().now_or_never()).collect()
}

fn throttle(slots: Vec<Slot>) {
    for slot in slots {
        slot.answered(true);
    }
}

#[test]
fn a_burst_of_throttles_halves_once() {
    let gate = Gate::new(64);
    let slots = enter(&gate, 100);
    assert_eq!(slots.len(), 64);
    throttle(slots);
    assert_eq!(gate.limit(), 32);
    let slots = enter(&gate, 100);
    assert_eq!(slots.len(), 32);
    throttle(slots);
    assert_eq!(gate.limit(), 16);
}

#[test]
fn one_request_is_always_let_through() {
    let gate = Gate::new(3);
    for _ in 0..5 {
        enter(&gate, 1).pop().expect("there is a slot").answered(true);
        assert!(gate.limit() >= 1);
    }
    assert_eq!(gate.limit(), 1);
    assert_eq!(enter(&gate, 5).len(), 1);
}

#[test]
fn calm_answers_let_it_grow_to_what_it_was() {
    let gate = Gate::new(8);
    enter(&gate, 1).pop().expect("there is a slot").answered(true);
    assert_eq!(gate.limit(), 4);
    for _ in 0..4 {
        enter(&gate, 1).pop().expect("there is a slot").answered(false);
    }
    assert_eq!(gate.limit(), 5);
    for _ in 0..200 {
        enter(&gate, 1).pop().expect("there is a slot").answered(false);
    }
    assert_eq!((gate.limit(), enter(&gate, 100).len()), (8, 8));
}

#[test]
fn a_quota_that_others_use_too_is_not_taken_at_once() {
    let gate = Gate::growing(16, 64);
    let mut rounds = Vec::new();
    for _ in 0..4 {
        let slots = enter(&gate, 100);
        rounds.push(slots.len());
        for slot in slots {
            slot.answered(false);
        }
    }
    assert_eq!(rounds, [16, 32, 64, 64]);
    enter(&gate, 1).pop().expect("there is a slot").answered(true);
    for slot in enter(&gate, 32) {
        slot.answered(false);
    }
    assert_eq!(gate.limit(), 33, "after a throttle it grows slowly");
}

#[derive(Debug, Clone)]
enum Step {
    Enter,
    Answer(usize, bool),
    Drop(usize),
}

proptest! {
    /// In any order of events, no slot is lost and none is added.
    #[test]
    fn as_many_as_the_limit_get_in(
        most in 1..20_usize,
        steps in prop::collection::vec(
            prop_oneof![
                3 => Just(Step::Enter),
                2 => (0..20_usize, any::<bool>()).prop_map(|(index, throttled)| Step::Answer(index, throttled)),
                1 => (0..20_usize).prop_map(Step::Drop),
            ],
            0..80,
        ),
    ) {
        let gate = Gate::new(most);
        let mut held = Vec::new();
        for step in steps {
            match step {
                Step::Enter => {
                    let slot = gate.enter().now_or_never();
                    prop_assert_eq!(slot.is_some(), held.len() < gate.limit());
                    held.extend(slot);
                }
                Step::Answer(index, throttled) if index < held.len() => {
                    let slot: Slot = held.swap_remove(index);
                    slot.answered(throttled);
                }
                Step::Drop(index) if index < held.len() => drop(held.swap_remove(index)),
                Step::Answer(..) | Step::Drop(_) => {}
            }
            prop_assert!((1..=most).contains(&gate.limit()));
        }
        drop(held);
        prop_assert_eq!(enter(&gate, most + 1).len(), gate.limit());
    }
}

/// A service that throttles the first 64 requests when all of them have arrived, and then answers.
#[derive(Debug, Clone)]
struct Crowded {
    arrived: Arc<AtomicUsize>,
    first: Arc<Barrier>,
    under_way: Arc<Mutex<(usize, usize)>>,
}

impl HttpConnector for Crowded {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            if this.arrived.fetch_add(1, Ordering::SeqCst) < 64 {
                this.first.wait().await;
                return Ok(answer(429, ""));
            }
            this.count(1);
            tokio::time::sleep(Duration::from_millis(2)).await;
            this.count(-1);
            Ok(answer(200, r#"{"content":""}"#))
        })
    }
}

impl Crowded {
    fn count(&self, by: isize) {
        let mut under_way = self.under_way.lock().expect("nobody panicked");
        under_way.0 = under_way.0.checked_add_signed(by).expect("no more end than begin");
        under_way.1 = under_way.1.max(under_way.0);
    }
}

fn answer(status: u16, body: &'static str) -> HttpResponse {
    HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body))
}

/// 64 requests are in flight and all are throttled. Then half as many are in flight, and a few more as the limit
/// grows.
#[tokio::test]
async fn a_throttled_client_sends_half_as_many_at_once() {
    let under_way = Arc::default();
    let service = Crowded { arrived: Arc::default(), first: Arc::new(Barrier::new(64)), under_way };
    let connector = SharedHttpConnector::new(service.clone());
    let credentials = Credentials::new("key", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    let aws = Aws::with_concurrency(config, Concurrency { first: 64, most: 64 });
    let asked = (0..200).map(|_| {
        let client = aws.codecommit.clone();
        tokio::spawn(async move { client.get_blob().repository_name("r").blob_id("b").send().await.map(drop) })
    });
    let asked: Vec<_> = asked.collect();
    for one in asked {
        in_time(one).await.expect("no panic").expect("it is answered in the end");
    }
    let most = service.under_way.lock().expect("nobody panicked").1;
    assert!((16..=40).contains(&most), "{most} at once after 64 were too many");
    assert_eq!((aws.calls().throttled, aws.calls().by_operation["GetBlob"]), (64, 264));
}
