//! What the replicas want sent, on its way.

use super::World;
use crate::simulator::check;
use crate::simulator::network::To;
use headland_hub::replica::Output;
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::frame::encode_up;
use headland_shared::message::{Hello, Up};
use headland_shared::scope::Follow;

impl World {
    /// Sends what the replicas want sent, and checks what changed.
    pub(super) fn settle_outputs(&mut self) -> Result<(), String> {
        for hub in 0..self.hubs.len() {
            let outputs = self.hubs[hub].outputs();
            check::queue(outputs.len())?;
            for output in outputs {
                self.publish(hub, output)?;
            }
        }
        for index in 0..self.agents.len() {
            let (frames, changed) = self.agents[index].outputs();
            check::queue(frames.len())?;
            for frame in frames {
                check::frame(&self.agents[index], &frame)?;
                if self.agents[index].linked {
                    let to = To::Hub {
                        hub: self.agents[index].at,
                        from: index,
                    };
                    self.network.send(to, frame, self.weather, &mut self.jitter, self.now);
                }
            }
            if changed {
                self.check(index)?;
            }
        }
        Ok(())
    }

    fn publish(&mut self, hub: usize, output: Output) -> Result<(), String> {
        let (topic, frame, for_one) = match output {
            Output::Send { topic, frame } => {
                check::note_acknowledged(&mut self.hubs[hub], &topic, &frame);
                (topic, frame, true)
            }
            Output::Publish { topic, frame } => (topic, frame, false),
        };
        for (index, agent) in self.agents.iter().enumerate() {
            if !agent.hears(hub, &topic) {
                continue;
            }
            if for_one {
                check::frame(agent, &frame)?;
            }
            let to = To::Agent { to: index, hub };
            self.network
                .send(to, frame.clone(), self.weather, &mut self.jitter, self.now);
        }
        Ok(())
    }

    /// Looks at what an agent shows.
    pub(super) fn check(&mut self, index: usize) -> Result<(), String> {
        self.outcome.reads += 1;
        let agent = &mut self.agents[index];
        let before = agent.shows;
        check::read(agent, &self.reference)?;
        check::store(agent)?;
        if agent.is_ahead()? {
            self.outcome.reads_ahead += u64::from(check::ahead(agent, &self.reference)?);
        }
        if self.hubs[agent.at].holds.is_none() && before > 0 && agent.shows == 0 {
            return Err(format!("agent {index} lost records to an empty hub (invariant 11)"));
        }
        Ok(())
    }

    /// Somebody who is not the agent speaks on its topic: a hello for a device of another name.
    pub(super) fn forge(&mut self, index: usize) {
        self.outcome.faults.forgeries += 1;
        let own = &self.agents[index].name;
        let Some(victim) = self.agents.iter().map(|agent| &agent.name).find(|name| *name != own) else {
            return;
        };
        let hello = Hello {
            nonce: 1,
            actor: ActorId {
                name: victim.clone(),
                incarnation: Incarnation(1),
            },
            frame_bytes_max: 4_096,
            follow: vec![Follow::ALL],
            place: None,
            staged: None,
            registry: headland_shared::epoch::Position::default(),
            upload: None,
            more: Vec::new(),
        };
        let to = To::Hub {
            hub: self.agents[index].at,
            from: index,
        };
        let frame = encode_up(&Up::Hello(hello));
        self.network.send(to, frame, self.weather, &mut self.jitter, self.now);
    }
}
