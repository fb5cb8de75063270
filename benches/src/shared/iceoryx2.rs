//! Round trips through iceoryx2's publish-subscribe.

use core::{error::Error, mem::MaybeUninit};

use iceoryx2::{
    node::Node,
    port::{publisher::Publisher, subscriber::Subscriber},
    prelude::{Config, NodeBuilder, SignalHandlingMode, ipc},
    sample_mut_uninit::SampleMutUninit,
    service::port_factory::publish_subscribe::PortFactory,
};

use super::{
    round_trip::{Bytes, Line, poll, round_trips},
    serve::{Part, answer},
};

pub(super) fn serve(part: &Part) -> Result<(), Box<dyn Error>> {
    let mut ends = Ends::of(part)?;
    let number = part.number;
    answer(Box::new(move |operations| round_trips(&mut ends, number, operations)))
}

struct Ends {
    out: Publisher<ipc::Service, Bytes, ()>,
    back: Subscriber<ipc::Service, Bytes, ()>,
    loan: Option<SampleMutUninit<ipc::Service, MaybeUninit<Bytes>, ()>>,
    /// Keeps the services alive.
    _node: Node<ipc::Service>,
}

impl Ends {
    fn of(part: &Part) -> Result<Self, Box<dyn Error>> {
        let node = NodeBuilder::new()
            .config(&Config::default())
            .signal_handling_mode(SignalHandlingMode::Disabled)
            .create::<ipc::Service>()?;
        let names = if part.number == 0 { ["there", "back"] } else { ["back", "there"] };
        let [out, back] = names.map(|name| service(&node, &format!("{}/{name}", part.segment)));
        let out = out?.publisher_builder().create()?;
        let back = back?.subscriber_builder().create()?;
        Ok(Self { out, back, loan: None, _node: node })
    }
}

/// A service as in iceoryx2's own benchmark.
fn service(
    node: &Node<ipc::Service>,
    name: &str,
) -> Result<PortFactory<ipc::Service, Bytes, ()>, Box<dyn Error>> {
    Ok(node
        .service_builder(&name.try_into()?)
        .publish_subscribe::<Bytes>()
        .max_publishers(1)
        .max_subscribers(1)
        .history_size(0)
        .subscriber_max_buffer_size(1)
        .enable_safe_overflow(true)
        .open_or_create()?)
}

impl Line for Ends {
    fn send(&mut self, bytes: Bytes) -> Result<(), Box<dyn Error>> {
        let loan = self.loan.take().map_or_else(|| self.out.loan_uninit(), Ok)?;
        match loan.write_payload(bytes).send()? {
            1 => Ok(()),
            receivers => Err(format!("{receivers} received it").into()),
        }
    }

    /// Has the next message lent while this one is on its way, as iceoryx2's own
    /// benchmark does.
    fn receive(&mut self) -> Result<Bytes, Box<dyn Error>> {
        self.loan = Some(self.out.loan_uninit()?);
        poll(|| Ok(self.back.receive()?.map(|sample| *sample)))
    }
}
