//! All clients of a run: how they are spread over rooms, how they talk, and whether all is told.

use std::{cell::RefCell, collections::HashSet, rc::Rc, sync::Arc, time::Duration};

use anyhow::ensure;
use http::Uri;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{
    balancer::Balancer,
    client::{Client, Shared, conversation::Conversation},
    crowd::Crowd,
    history::History,
    token::Tokens,
};
use crate::progress::Progress;

/// Clients that are connecting at a time.
const AT_ONCE: usize = 64;
/// How long the way into all rooms may take.
const ENTER: Duration = Duration::from_mins(1);
/// Between two looks at what is waited for.
const POLL: Duration = Duration::from_millis(20);
/// Wrong rosters that are named.
const NAMED: usize = 10;

/// Clients in their rooms.
#[derive(Debug)]
pub struct Fleet {
    pub crowd: Crowd,
    pub shared: Rc<Shared>,
    rooms: Vec<String>,
    residents: Vec<Client>,
    /// A guest's number follows those of the residents.
    guests: RefCell<Vec<Option<Client>>>,
    /// Who is in a room, each with its own number of it.
    members: Vec<Vec<(usize, usize)>>,
    tokens: Tokens,
    watch: JoinHandle<()>,
}

impl Fleet {
    /// Connects every resident through the nodes at `urls`, and has each join its rooms.
    ///
    /// # Errors
    /// When the rooms would not be even, or somebody is not in them within a minute.
    pub async fn gather(crowd: Crowd, urls: Vec<Uri>, secret: &str) -> anyhow::Result<Rc<Self>> {
        let Crowd { residents, room_size, .. } = crowd;
        let even = room_size > 0 && residents > 0 && residents.is_multiple_of(room_size);
        ensure!(even, "{residents} clients do not fill rooms of {room_size}: choose a multiple");
        let run = Uuid::new_v4().simple().to_string()[..8].to_owned();
        let rooms: Vec<_> = (0..crowd.rooms()).map(|room| format!("chaos-{run}-{room}")).collect();
        let mut members = vec![Vec::new(); crowd.rooms()];
        for client in 0..residents {
            for (place, room) in crowd.rooms_of(client).into_iter().enumerate() {
                members[room].push((client, place));
            }
        }
        let balancer = Rc::new(Balancer::new(urls));
        let watch = tokio::task::spawn_local(balancer.clone().watch());
        let history = History::new(residents + crowd.guests, rooms.clone());
        let mut fleet = Self {
            crowd,
            shared: Rc::new(Shared::new(history, balancer)),
            rooms,
            residents: Vec::new(),
            guests: RefCell::new((0..crowd.guests).map(|_| None).collect()),
            members,
            tokens: Tokens { run, secret: secret.to_owned() },
            watch,
        };
        fleet.enter().await?;
        Ok(Rc::new(fleet))
    }

    async fn enter(&mut self) -> anyhow::Result<()> {
        let mut progress = Progress::new();
        let deadline = Instant::now() + ENTER;
        while self.residents.len() < self.crowd.residents {
            let from = self.residents.len();
            for client in from..self.crowd.residents.min(from + AT_ONCE) {
                let conversation = self.converse(client, &self.crowd.rooms_of(client), false)?;
                self.residents.push(Client::start(client, conversation, self.shared.clone()));
            }
            while let Some(late) = self.residents[from..].iter().find(|client| !is_settled(client))
            {
                let state = late.look(Conversation::describe);
                let (failures, why) = self.shared.failures();
                ensure!(
                    Instant::now() < deadline,
                    "client {} is not in its rooms after {ENTER:?}: {state}; {failures} connections \
                     failed, the last with: {why}",
                    late.number()
                );
                sleep(POLL).await;
            }
            let (count, all) = (self.residents.len(), self.crowd.residents);
            progress.show(|| format!("connecting: {count} of {all} clients are in their rooms"));
        }
        progress.end();
        Ok(())
    }

    fn converse(
        &self,
        client: usize,
        rooms: &[usize],
        guest: bool,
    ) -> anyhow::Result<Conversation> {
        let token = self.tokens.sign(&self.user(client))?;
        let mut conversation = Conversation::new(client, token, self.crowd.content_bytes);
        for &room in rooms {
            conversation.enter(room, self.rooms[room].clone(), guest);
        }
        Ok(conversation)
    }

    /// The user id of a client.
    #[must_use]
    pub fn user(&self, client: usize) -> Arc<str> {
        format!("{}-{client}", self.tokens.run).into()
    }

    #[must_use]
    pub fn residents(&self) -> &[Client] {
        &self.residents
    }

    #[must_use]
    pub fn room_names(&self) -> &[String] {
        &self.rooms
    }

    /// The residents of a room.
    pub fn members(&self, room: usize) -> impl Iterator<Item = &Client> {
        self.members[room].iter().map(|(client, _)| &self.residents[*client])
    }

    /// Has guest `guest` come, to be in a room until it leaves.
    ///
    /// # Errors
    /// When no token can be signed.
    pub fn invite(&self, guest: usize, room: usize) -> anyhow::Result<()> {
        let number = self.crowd.residents + guest;
        let conversation = self.converse(number, &[room], true)?;
        let client = Client::start(number, conversation, self.shared.clone());
        self.guests.borrow_mut()[guest] = Some(client);
        Ok(())
    }

    /// Has guest `guest` go, where it is there; whether its place is free.
    #[must_use]
    pub fn show_out(&self, guest: usize) -> bool {
        let mut guests = self.guests.borrow_mut();
        if guests[guest].as_ref().is_some_and(Client::is_gone) {
            guests[guest] = None;
        }
        if let Some(client) = &guests[guest] {
            client.leave();
        }
        guests[guest].is_none()
    }

    /// Has resident `client` be a guest in one more room.
    pub fn visit(&self, client: usize, room: usize) {
        if !self.members[room].iter().any(|(member, _)| *member == client) {
            let name = self.rooms[room].clone();
            self.residents[client].tell(|conversation| conversation.visit(room, name));
        }
    }

    /// Has the sender of message `n` say it: each room in turn, and in it each member in turn.
    pub(super) fn say(&self, n: usize) {
        let room = n % self.rooms.len();
        let members = &self.members[room];
        let first = n / self.rooms.len();
        let mut turn = (0..members.len()).map(|next| members[(first + next) % members.len()]);
        if let Some((client, place)) = turn.find(|(client, _)| self.residents[*client].is_able()) {
            self.residents[client].say(place);
        }
    }

    /// Has somebody say something in each room.
    pub fn say_everywhere(&self) {
        for room in 0..self.rooms.len() {
            self.say(room);
        }
    }

    /// Waits until everybody who stays is connected, in all rooms and up to date; who is not, in words.
    pub async fn gathered(&self, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        loop {
            let mut staying = self.residents.iter().filter(|client| client.stays());
            let Some(late) = staying.find(|client| !is_settled(client)) else { return Ok(()) };
            if Instant::now() >= deadline {
                let state = late.look(Conversation::describe);
                let number = late.number();
                return Err(format!("client {number} is not back after {within:?}: {state}"));
            }
            sleep(POLL).await;
        }
    }

    /// Waits until everything said is acknowledged and has come to everybody; `false` where it has not.
    pub async fn settle(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            let silent = |client: &Client| client.look(Conversation::is_silent) || client.is_gone();
            let all_told = self.shared.history.borrow().is_settled();
            if all_told && self.residents.iter().all(silent) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            sleep(POLL).await;
        }
    }

    /// Waits until every client's copy of every roster is right; what is wrong, in words.
    pub async fn rosters(&self, within: Duration) -> Vec<String> {
        let deadline = Instant::now() + within;
        loop {
            let wrong = self.wrong_rosters();
            if wrong.is_empty() || Instant::now() >= deadline {
                return wrong;
            }
            sleep(5 * POLL).await;
        }
    }

    fn wrong_rosters(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let guests = self.guests.borrow();
        let visiting = |client: &&Client| client.look(Conversation::is_guest);
        let visitors: Vec<_> =
            self.residents.iter().chain(guests.iter().flatten()).filter(visiting).collect();
        for (room, name) in self.rooms.iter().enumerate() {
            let is_there = |client: &&&Client| client.look(|view| view.roster(room).is_some());
            let present = self.members(room).chain(visitors.iter().filter(is_there).copied());
            let present: Vec<_> = present.filter(|client| client.stays()).collect();
            let truth: HashSet<_> =
                present.iter().map(|client| self.user(client.number())).collect();
            for client in present {
                let difference = client.look(|view| match view.roster(room) {
                    Some(roster) => roster.difference(&truth),
                    None => Some("it has none".to_owned()),
                });
                if let Some(difference) = difference {
                    if wrong.len() == NAMED {
                        wrong.push("and more".to_owned());
                        return wrong;
                    }
                    wrong.push(format!(
                        "roster of {name} at client {}: {difference}",
                        client.number()
                    ));
                }
            }
        }
        wrong
    }

    /// Has all guests go; `false` where some do not.
    pub async fn farewell(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            let guests = (0..self.crowd.guests).filter(|guest| !self.show_out(*guest)).count();
            let mut visitors = 0;
            for client in &self.residents {
                if client.look(Conversation::is_guest) {
                    client.tell(Conversation::leave_last);
                    visitors += 1;
                }
            }
            if guests + visitors == 0 {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            sleep(POLL).await;
        }
    }

    /// Has everybody leave.
    pub async fn disperse(&self, within: Duration) {
        let deadline = Instant::now() + within;
        for client in &self.residents {
            client.leave();
        }
        let _ = self.farewell(within).await;
        let all_gone = || self.residents.iter().all(Client::is_gone);
        while !all_gone() && Instant::now() < deadline {
            sleep(POLL).await;
        }
    }

    /// How it goes, in a line.
    #[must_use]
    pub fn line(&self) -> String {
        let connected = self.residents.iter().filter(|client| is_settled(client)).count();
        let history = self.shared.history.borrow();
        let tally = history.tally();
        format!(
            "{connected} clients in their rooms  {} sent  {} acked  {} delivered  {} on their way",
            history.sent_count(),
            tally.acked,
            tally.deliveries,
            history.open(),
        )
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

fn is_settled(client: &Client) -> bool {
    client.look(Conversation::is_settled)
}
