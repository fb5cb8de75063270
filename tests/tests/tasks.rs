//! Tasks that wait for queues whose other end is in another process.
//!
//! A test that hangs is ended by its watchdog: so each of these also says that no task
//! waits for ever.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use anymem::container::message::{MessageError, Overflow, ShmByteRing, ShmQueue, ShmTopic};
use anymem::container::{PopError, PushError, ShmBox, ShmMpmc, ShmMpsc, ShmSafe, ShmSpsc, ShmVec};
use anymem::{SharedHeap, Size};
use anymem_tests::{Name, Peer, listen, role, tell, watchdog};

/// More than the kernel lets a thread sleep on at once.
const LANES: usize = 300;

/// How many messages go through a ring for a few of them.
const NUMBERS: u32 = 5000;

/// What the processes of a test share.
#[derive(ShmSafe)]
#[repr(C)]
struct Table {
    many: ShmMpmc<u64>,
    there: ShmSpsc<u64>,
    back: ShmMpsc<u64>,
    lanes: ShmVec<ShmMpmc<u64>>,
    unbounded: ShmQueue<u64>,
    topic: ShmTopic<u64>,
    bytes: ShmByteRing,
}

/// Wakes the thread that runs a task, and counts how often.
struct Alarm {
    thread: Thread,
    calls: AtomicUsize,
}

impl Alarm {
    fn new() -> Arc<Self> {
        Arc::new(Self { thread: thread::current(), calls: AtomicUsize::new(0) })
    }

    /// Waits until it was called.
    fn sleep(&self) {
        while self.calls.load(Ordering::SeqCst) == 0 {
            thread::park();
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// Runs a task to its end.
fn block_on<F: Future>(task: F) -> F::Output {
    let (mut task, waker) = (pin!(task), Waker::from(Alarm::new()));
    loop {
        if let Poll::Ready(output) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

/// Runs tasks of one kind to their ends, all at once.
fn join<F: Future>(tasks: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut tasks: Vec<_> = tasks.map(|task| (Box::pin(task), None)).collect();
    block_on(poll_fn(|cx| {
        for (task, output) in tasks.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = task.as_mut().poll(cx) {
                *output = Some(ready);
            }
        }
        if tasks.iter().all(|(_, output)| output.is_some()) {
            return Poll::Ready(());
        }
        Poll::Pending
    }));
    tasks.into_iter().filter_map(|(_, output)| output).collect()
}

/// Polls a task that is not ready.
fn begin<F: Future>(task: Pin<&mut F>, alarm: &Arc<Alarm>) {
    let waker = Waker::from(Arc::clone(alarm));
    assert!(task.poll(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let heap = SharedHeap::open(&words[0]).expect("there");
    let table = heap.root::<Table>("table").expect("bound");
    tell("ready");
    loop {
        match listen().as_str() {
            "push" => table.many.push(7).expect("room"),
            "pop" => assert_eq!(table.many.pop(), Ok(0)),
            "push all" => {
                let lanes = table.lanes.as_slice().expect("attached");
                (0..).zip(lanes).for_each(|(n, lane)| lane.push(n).expect("room"));
            }
            "queue" => table.unbounded.push(9).expect("room"),
            "publish" => {
                table.topic.send(10).expect("room");
            }
            "send" => table.bytes.send(b"hello").expect("room"),
            "read" => assert_eq!(&*table.bytes.read().expect("one"), [0; 64]),
            "send many" => send_many(&table.bytes),
            "close" => {
                table.bytes.close().expect("attached");
                table.many.close().expect("attached");
                table.unbounded.close().expect("attached");
            }
            "echo" => block_on(echo(table)),
            _ => return,
        }
        tell("done");
    }
}

/// Sends numbers, more than there is ever room for, and closes the ring.
fn send_many(ring: &ShmByteRing) {
    (0..NUMBERS).for_each(|number| ring.send(&number.to_le_bytes()).expect("open"));
    ring.close().expect("attached");
}

/// Sends back what comes, until nothing does any more.
async fn echo(table: &Table) {
    let mut there = table.there.consumer().expect("nobody's");
    while let Ok(value) = there.pop_async().await {
        table.back.push_async(value).await.expect("open");
    }
}

/// A heap with a table in it, and another process that has it too.
struct World {
    heap: SharedHeap,
    peer: Peer,
}

impl World {
    fn new() -> Self {
        watchdog(600);
        let name = Name::new();
        let heap = SharedHeap::create(&name, Size::mib(8)).expect("a new name");
        let mut lanes = ShmVec::new_in(&heap);
        lanes.extend((0..LANES).map(|_| ShmMpmc::new_in(2, &heap).expect("room"))).expect("room");
        let table = Table {
            many: ShmMpmc::new_in(2, &heap).expect("room"),
            there: ShmSpsc::new_in(2, &heap).expect("room"),
            back: ShmMpsc::new_in(2, &heap).expect("room"),
            lanes,
            unbounded: ShmQueue::new_in(&heap).expect("room"),
            topic: ShmTopic::for_each_in(4, 0, &heap).expect("room"),
            bytes: ShmByteRing::new_in(256, &heap).expect("room"),
        };
        heap.bind_root("table", ShmBox::new_in(table, &heap).expect("room")).expect("a new root");
        let mut peer = Peer::start(&[&*name]);
        assert_eq!(peer.hear(), "ready");
        Self { heap, peer }
    }
}

/// Has the other process do something.
fn order(peer: &mut Peer, what: &str) {
    peer.say(what);
    assert_eq!(peer.hear(), "done");
}

#[test]
fn a_task_waits_for_a_value_of_another_process() {
    let World { heap, mut peer } = World::new();
    let table = heap.root::<Table>("table").expect("there");
    let (mut pop, alarm) = (pin!(table.many.pop_async()), Alarm::new());
    begin(pop.as_mut(), &alarm);
    order(&mut peer, "push");
    alarm.sleep();
    assert_eq!(block_on(pop), Ok(7));
    peer.finish();
}

#[test]
fn a_task_waits_for_room_that_another_process_makes() {
    let World { heap, mut peer } = World::new();
    let table = heap.root::<Table>("table").expect("there");
    block_on(table.many.push_async(0)).expect("room");
    block_on(table.many.push_async(1)).expect("room");
    let mut push = pin!(table.many.push_async(2));
    begin(push.as_mut(), &Alarm::new());
    order(&mut peer, "pop");
    assert_eq!(block_on(push), Ok(()));
    assert_eq!((table.many.try_pop(), table.many.try_pop()), (Ok(1), Ok(2)));
    peer.finish();
}

#[test]
fn two_processes_of_tasks_play_ping_pong() {
    const ROUNDS: u64 = 2000;
    let World { heap, mut peer } = World::new();
    let table = heap.root::<Table>("table").expect("there");
    peer.say("echo");
    let mut there = table.there.producer().expect("nobody's");
    let mut back = table.back.consumer().expect("nobody's");
    block_on(async {
        for n in 0..ROUNDS {
            there.push_async(n).await.expect("open");
            assert_eq!(back.pop_async().await, Ok(n));
        }
    });
    there.close();
    assert_eq!(peer.hear(), "done");
    assert_eq!(block_on(there.push_async(1)), Err(PushError::Closed(1)));
    peer.finish();
}

#[test]
fn closing_wakes_all_tasks() {
    let World { heap, mut peer } = World::new();
    let table = heap.root::<Table>("table").expect("there");
    let mut pops: Vec<_> = (0..50).map(|_| Box::pin(table.many.pop_async())).collect();
    pops.iter_mut().for_each(|pop| begin(pop.as_mut(), &Alarm::new()));
    let mut other = pin!(table.unbounded.pop_async());
    begin(other.as_mut(), &Alarm::new());
    order(&mut peer, "close");
    assert!(join(pops.into_iter()).iter().all(|popped| *popped == Err(PopError::Closed)));
    assert_eq!(block_on(other), Err(MessageError::Closed));
    peer.finish();
}

#[test]
fn each_of_many_tasks_gets_its_value() {
    let World { heap, mut peer } = World::new();
    let lanes = heap.root::<Table>("table").expect("there").lanes.as_slice().expect("attached");
    let mut pops: Vec<_> = lanes.iter().map(|lane| Box::pin(lane.pop_async())).collect();
    pops.iter_mut().for_each(|pop| begin(pop.as_mut(), &Alarm::new()));
    order(&mut peer, "push all");
    let expected: Vec<_> = (0..LANES as u64).map(Ok).collect();
    assert_eq!(join(pops.into_iter()), expected);
    peer.finish();
}

#[test]
fn messages_wake_tasks() {
    let World { heap, mut peer } = World::new();
    let table = heap.root::<Table>("table").expect("there");
    let receiver = table.topic.join(2, Overflow::Block).expect("room");
    let (mut pop, mut receive) =
        (pin!(table.unbounded.pop_async()), pin!(receiver.receive_async()));
    begin(pop.as_mut(), &Alarm::new());
    begin(receive.as_mut(), &Alarm::new());
    order(&mut peer, "queue");
    assert_eq!(block_on(pop), Ok(9));
    order(&mut peer, "publish");
    assert_eq!(*block_on(receive).expect("a message"), 10);
    peer.finish();
}

#[test]
fn a_task_waits_for_bytes_and_for_room() {
    let World { heap, mut peer } = World::new();
    let ring = &heap.root::<Table>("table").expect("there").bytes;
    let mut read = pin!(ring.read_async());
    begin(read.as_mut(), &Alarm::new());
    order(&mut peer, "send");
    assert_eq!(&*block_on(read).expect("a message"), b"hello");
    while ring.try_send(&[0; 64]).is_ok() {}
    let mut send = pin!(ring.send_async(&[1; 64]));
    begin(send.as_mut(), &Alarm::new());
    order(&mut peer, "read");
    assert_eq!(block_on(send), Ok(()));
    assert_eq!(block_on(ring.reserve_async(1000)).err(), ring.try_reserve(1000).err());
    peer.finish();
}

#[test]
fn a_task_waits_for_its_turn_to_read() {
    let World { heap, mut peer } = World::new();
    let ring = &heap.root::<Table>("table").expect("there").bytes;
    order(&mut peer, "send");
    order(&mut peer, "send");
    let first = ring.read().expect("a message");
    let (mut read, alarm) = (pin!(ring.read_async()), Alarm::new());
    begin(read.as_mut(), &alarm);
    drop(first);
    alarm.sleep();
    let second = block_on(read).expect("a message");
    let (mut read, alarm) = (pin!(ring.read_async()), Alarm::new());
    begin(read.as_mut(), &alarm);
    second.put_back();
    alarm.sleep();
    assert_eq!(&*block_on(read).expect("the same once more"), b"hello");
    peer.finish();
}

#[test]
fn tasks_and_threads_share_the_messages_of_a_ring() {
    let World { heap, mut peer } = World::new();
    let ring = &heap.root::<Table>("table").expect("there").bytes;
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
    let task = async || {
        let mut got = Vec::new();
        while let Ok(message) = ring.read_async().await {
            got.push(number(&message));
        }
        got
    };
    let thread = || {
        let mut got = Vec::new();
        while let Ok(message) = ring.read() {
            got.push(number(&message));
        }
        got
    };
    peer.say("send many");
    let mut all = thread::scope(|scope| {
        let readers = [scope.spawn(thread), scope.spawn(|| join((0..4).map(|_| task())).concat())];
        let got = readers.map(|reader| reader.join().expect("no panic"));
        got.concat()
    });
    all.sort_unstable();
    assert!(all.into_iter().eq(0..NUMBERS), "each message is read once");
    assert_eq!(peer.hear(), "done");
    peer.finish();
}

/// What a time limit is made of: the first of two tasks that is ready.
#[test]
fn a_task_gives_up_when_another_one_is_ready() {
    let World { heap, mut peer } = World::new();
    let table = heap.root::<Table>("table").expect("there");
    let limited = || {
        let (mut pop, mut limit) =
            (Box::pin(table.many.pop_async()), Box::pin(table.unbounded.pop_async()));
        poll_fn(move |cx| match (pop.as_mut().poll(cx), limit.as_mut().poll(cx)) {
            (Poll::Ready(popped), _) => Poll::Ready(popped.ok()),
            (_, Poll::Ready(_)) => Poll::Ready(None),
            _ => Poll::Pending,
        })
    };
    let mut task = pin!(limited());
    begin(task.as_mut(), &Alarm::new());
    order(&mut peer, "queue");
    assert_eq!(block_on(task), None);
    // The one that gave up takes nothing any more.
    let mut task = pin!(limited());
    begin(task.as_mut(), &Alarm::new());
    order(&mut peer, "push");
    assert_eq!(block_on(task), Some(7));
    peer.finish();
}

#[test]
fn a_task_that_is_dropped_takes_nothing_and_leaves_nothing() {
    let World { heap, mut peer } = World::new();
    let table = heap.root::<Table>("table").expect("there");
    let (first, second, third) = (Alarm::new(), Alarm::new(), Alarm::new());
    let mut dropped = Box::pin(table.many.pop_async());
    let mut woken = Box::pin(table.many.pop_async());
    let mut pop = pin!(table.many.pop_async());
    begin(dropped.as_mut(), &first);
    begin(woken.as_mut(), &second);
    begin(pop.as_mut(), &third);
    drop(dropped);
    order(&mut peer, "push");
    second.sleep();
    drop(woken);
    assert_eq!(block_on(pop), Ok(7));
    // Nobody has the wakers of those that were dropped.
    while Arc::strong_count(&first) > 1 {
        thread::yield_now();
    }
    peer.finish();
}

#[test]
fn a_task_is_told_that_its_heap_is_gone() {
    watchdog(600);
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("a new name");
    let queue = ShmMpmc::<u64>::new_in(2, &heap).expect("room");
    let (mut pop, alarm) = (pin!(queue.pop_async()), Alarm::new());
    begin(pop.as_mut(), &alarm);
    // SAFETY: no thread uses it, and the queue that is left finds out.
    unsafe { heap.detach() }.expect("the only handle");
    alarm.sleep();
    assert!(matches!(block_on(pop), Err(PopError::Heap(_))));
}
