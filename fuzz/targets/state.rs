//! What the engine knew, from a file: as it is, and with the seal put right so that what is in it is read.

#![no_main]

use std::sync::{Arc, LazyLock};

use cloudward::config::{Origin, Source, load};
use cloudward::engine::Engine;
use cloudward::engine::state::{Away, State, open};
use cloudward::model::{Input, Span};
use cloudward::policy::Policy;

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let text = "[builtin]\ndisable = [\"*\"]\n[[sensitive]]\nname = \"keys\"\npaths = [\"~/.ssh/*\"]\n";
    load(&[Source::new(Origin::File, "fuzz.toml", text)]).0.policy
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let sealed = open(data).ok().map(|(state, _)| state);
    let bare = State { bytes: data.to_vec(), now: Default::default(), omitted: 0 };
    for state in sealed.into_iter().chain([bare]) {
        let Ok(mut engine) = Engine::resume(Arc::clone(&POLICY), &state) else { continue };
        engine.restarted(&Away { rebooted: data.len() % 2 == 0, running: None });
        let mut records = Vec::new();
        for hours in [0, 1, 100] {
            let time = engine.now().plus(Span::from_secs(hours * 3600));
            engine.step(Input::Tick(time), &mut records);
        }
        engine.finish(&mut records);
        engine.save();
    }
});
