//! Whose flow is it? The process that owns it, the one it is sent on behalf of, the one responsible for it, or another
//! process of the same app: the first of these, in this order, that carries a read.

use std::collections::VecDeque;

use crate::model::{Attribution, ExecFacts, FlowId, Lossy, Owner, Pid, Timestamp};
use crate::policy::Identity;

use super::Engine;
use super::identity::{self, App};
use super::lineage::{Life, LifeId};
use super::window::{Bearing, Doubts, OVERHANG};

/// Apps that a script told to do something, remembered: the latest.
const MAX_TOLD: usize = 32;
const TOLD_FULL: &str = "apps that scripts told to do something: the first is forgotten";

/// To whom bytes are laid, and what speaks against it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Laid {
    pub life: LifeId,
    pub attribution: Attribution,
    pub doubts: Doubts,
}

/// An app was told by a script what to do (Apple events). No sensor shows the event; the script's text does.
#[derive(Debug)]
pub struct Told {
    /// In lower case, as `tell application "..."` has it: a name or a bundle identifier.
    pub(super) app: Box<str>,
    pub(super) teller: LifeId,
    pub(super) time: Timestamp,
}

/// The latest, oldest first.
pub type AllTold = VecDeque<Told>;

/// Which apps the carriers belong to, each as a word in its place among them: who sends is held against all of them.
#[derive(Debug, Default)]
pub struct CarriersApps {
    /// Made when so many processes had changed their program without telling here: a higher number makes it out of date.
    recast: u64,
    words: VecDeque<Option<u64>>,
}

impl Life {
    /// Carries a read whose time is not long over.
    pub fn carries_at(&self, time: Timestamp) -> bool {
        self.carried_at(time).next().is_some()
    }

    /// What it carries then.
    pub fn carried_at(&self, time: Timestamp) -> impl Iterator<Item = &Bearing> {
        self.bearings.iter().filter(move |bearing| time <= bearing.until.plus(OVERHANG))
    }
}

impl Engine {
    /// To whom the bytes of a flow at this moment are laid: the first candidate that carries a read, else its owner.
    pub(super) fn laid_to(&mut self, id: FlowId, time: Timestamp) -> Option<Laid> {
        let version = self.carried_version;
        let flow = self.flows.get_mut(id)?;
        let (owner, opened) = (flow.owner?, flow.opened);
        let known = flow.suspects.first().is_some_and(|first| first.attribution == Attribution::Process);
        if !known || flow.asked != version {
            if self.carriers_apps.recast != self.lineage.recast {
                self.cast_carriers();
            }
            let suspects = self.suspects(owner, opened, time);
            let flow = self.flows.get_mut(id)?;
            (flow.suspects, flow.asked) = (suspects, version);
        }
        let suspects = &self.flows.get_mut(id)?.suspects;
        let carries = |laid: &&Laid| self.lineage.get(laid.life).is_some_and(|life| life.carries_at(time));
        let laid = suspects.iter().find(carries).or(suspects.first()).copied()?;
        self.flows.get_mut(id)?.life = Some(laid.life);
        Some(laid)
    }

    /// All who may have sent it, best first. A connection that was opened after a process ended is of another that has its
    /// pid now; on behalf of one that ended much may be sent.
    fn suspects(&self, owner: Owner, opened: Timestamp, time: Timestamp) -> Vec<Laid> {
        let at = |pid: Pid| self.lineage.at(pid, time);
        let lived = |life: &LifeId| self.lineage.get(*life).is_some_and(|life| life.lived_at(opened));
        let exact = at(owner.pid).filter(lived);
        let effective = owner.effective.and_then(|(pid, _)| at(pid)).filter(|life| Some(*life) != exact);
        let mut all: Vec<Laid> = Vec::new();
        let mut add = |life: LifeId, attribution: Attribution, doubts: Doubts| {
            if !all.iter().any(|known| known.life == life) {
                all.push(Laid { life, attribution, doubts });
            }
        };
        exact.into_iter().for_each(|life| add(life, Attribution::Process, Doubts::NONE));
        effective.into_iter().for_each(|life| add(life, Attribution::EffectiveProcess, Doubts::NONE));
        let senders: Vec<&Life> =
            effective.into_iter().chain(exact).filter_map(|life| self.lineage.get(life)).collect();
        for responsible in senders.iter().filter_map(|life| self.responsible_for(life, time)) {
            add(responsible, Attribution::ResponsibleProcess, Doubts::NONE);
        }
        for sender in &senders {
            let kin = self.kin_that_carries(sender, time);
            let led = self.led_by(sender);
            kin.into_iter()
                .chain(led)
                .for_each(|life| add(life, Attribution::ResponsibleProcess, Doubts::NONE));
            if let Some(teller) = self.teller_of(sender, time) {
                add(teller, Attribution::ResponsibleProcess, Doubts::APPLE_EVENTS);
            }
        }
        all
    }

    /// The process that macOS holds responsible for this one, where this one acts for it: the app's own helper, a network
    /// service of the system, or something that launchd started for it. Another program below it in the process tree has
    /// its data by fork, pipe or file, or not at all.
    fn responsible_for(&self, life: &Life, time: Timestamp) -> Option<LifeId> {
        let info = &life.image.evidence.info;
        let key = info.responsible.filter(|key| key.pid != info.key.pid && key.pid.0 > 1)?;
        let id = self.lineage.named(key, time)?;
        let responsible = self.lineage.get(id)?;
        let below = life.ancestors().any(|ancestor| ancestor.evidence.info.key.pid == key.pid);
        let kin = || App::of(&life.image.identity).is_some_and(|app| is_of(responsible, app));
        let acts = !below || kin() || identity::is_network_service(&life.image.identity);
        acts.then_some(id)
    }

    /// The latest to read something of the other processes of this one's app: one process answers for both, and their
    /// signers agree. What an app that answers itself has from a helper it may give to the next; of a tool that is run again
    /// and again, one run has nothing from another that had ended.
    fn kin_that_carries(&self, sender: &Life, time: Timestamp) -> Option<LifeId> {
        let own = App::of(&sender.image.identity)?;
        let head = self.head(sender, time);
        let answers = self.lineage.get(head).filter(|app| app.id != sender.id && is_of(app, own));
        let is_kin = |other: &&Life| {
            other.id != sender.id
                && is_of(other, own)
                && head == self.head(other, time)
                && (other.lived_at(sender.born) || answers.is_some_and(|app| app.id != other.id))
        };
        debug_assert!(self.carriers_are_cast());
        let word = Some(own.word());
        let named = self.carriers.iter().zip(&self.carriers_apps.words).rev();
        let likely = named.filter(|(_, app)| **app == word);
        likely.filter_map(|(other, _)| self.lineage.get(*other)).find(is_kin).map(|other| other.id)
    }

    /// The app that started this helper, where it does what others tell it: its helpers send for it.
    fn led_by(&self, sender: &Life) -> Option<LifeId> {
        let app = sender.parent.and_then(|parent| self.lineage.get(parent))?;
        let (helper, leader) = (&sender.image.identity, &app.image.identity);
        (leader.runs_other_code && identity::helps(helper, leader)).then_some(app.id)
    }

    fn app_word(&self, life: LifeId) -> Option<u64> {
        self.lineage.get(life).and_then(|life| App::of(&life.image.identity)).map(App::word)
    }

    /// One of the carriers is new, or the newest again; `was` is its place before, `oldest` that the oldest gave way to it.
    pub(super) fn cast_carrier(&mut self, life: LifeId, was: Option<usize>, oldest: bool) {
        let word = self.app_word(life);
        let words = &mut self.carriers_apps.words;
        was.into_iter().for_each(|at| _ = words.remove(at));
        if oldest {
            words.pop_front();
        }
        words.push_back(word);
    }

    /// This life has become another program, whether it is one of them or not.
    pub(super) fn cast_again(&mut self, life: LifeId) {
        if let Some(at) = self.carriers.iter().position(|carrier| *carrier == life) {
            let word = self.app_word(life);
            self.carriers_apps.words.get_mut(at).into_iter().for_each(|known| *known = word);
        }
    }

    /// Where some may have become other programs, or all were saved and taken up again.
    pub(super) fn cast_carriers(&mut self) {
        let words = self.carriers.iter().map(|life| self.app_word(*life)).collect();
        self.carriers_apps = CarriersApps { recast: self.lineage.recast, words };
    }

    /// Is the word of each what a look at it would find, unless it was forgotten?
    fn carriers_are_cast(&self) -> bool {
        let words = &self.carriers_apps.words;
        let forgotten = |life: LifeId| self.lineage.get(life).is_none();
        let mut each = self.carriers.iter().zip(words);
        words.len() == self.carriers.len()
            && each.all(|(life, word)| self.app_word(*life) == *word || forgotten(*life))
    }

    /// Who answers for this process: its responsible one, or itself.
    fn head(&self, life: &Life, time: Timestamp) -> LifeId {
        let key = life.image.evidence.info.responsible.filter(|key| key.pid.0 > 1);
        key.and_then(|key| self.lineage.named(key, time)).unwrap_or(life.id)
    }

    /// The life whose script told this app to do something.
    fn teller_of(&self, sender: &Life, time: Timestamp) -> Option<LifeId> {
        let window = self.policy.options.window_default;
        let recent =
            self.told.iter().rev().filter(|told| told.time <= time && time <= told.time.plus(window));
        let mut fits = recent.filter(|told| is_called(&sender.image.identity, &told.app));
        fits.find(|told| told.teller != sender.id).map(|told| told.teller)
    }

    /// Was this life told to do what it does, by a script or by a process of another program that answers for it?
    pub(super) fn was_told(&self, life: &Life, time: Timestamp) -> bool {
        let info = &life.image.evidence.info;
        let by_script = || {
            let key = info.responsible.filter(|key| key.pid != info.key.pid)?;
            let responsible = self.lineage.get(self.lineage.named(key, time)?)?;
            let below = life.ancestors().any(|ancestor| ancestor.evidence.info.key.pid == key.pid);
            (!below && identity::tells_apps(&responsible.image.identity)).then_some(())
        };
        self.teller_of(life, time).is_some() || by_script().is_some()
    }

    /// Notes the apps that the text of a script tells to do something.
    pub(super) fn hear_script(&mut self, teller: LifeId, time: Timestamp, facts: &ExecFacts) {
        let mut heard = Vec::new();
        facts
            .args
            .iter()
            .skip(1)
            .for_each(|text| identity::apps_told(text, |app| heard.push(app.to_lowercase())));
        let window = self.policy.options.window_default;
        for app in heard {
            let gone = if self.told.len() >= MAX_TOLD { self.told.pop_front() } else { None };
            self.note_full(gone.is_some_and(|told| time.since(told.time) <= window), TOLD_FULL);
            self.told.push_back(Told { app: app.into(), teller, time });
            self.carried_version += 1;
        }
    }
}

/// Does its code belong to this app?
fn is_of(life: &Life, app: App<'_>) -> bool {
    app.has(&life.image.identity)
}

/// Is this the app that goes by that name or identifier?
fn is_called(identity: &Identity, app: &str) -> bool {
    let program = &identity.program;
    let by_id = program.signing_id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(app));
    let name = Lossy(identity::bundle(program).unwrap_or(program.path.file_name())).to_string();
    by_id || name.eq_ignore_ascii_case(app)
}
