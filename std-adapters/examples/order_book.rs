//! An order book that several traders' processes fill and match.
//!
//! ```sh
//! cargo run --example order_book
//! ```

use std::env;
use std::error::Error;
use std::process::{self, Command};

use anymem::container::{ContainerError, ShmBTreeMap, ShmMutex, ShmSafe};
use anymem::{SharedHeap, Size};

const TRADERS: u64 = 4;
const ORDERS: u64 = 5_000;

/// What is wanted and what is offered: how many pieces, by price.
#[derive(ShmSafe)]
#[repr(C)]
struct Book {
    bids: ShmBTreeMap<u64, u64>,
    asks: ShmBTreeMap<u64, u64>,
    /// Pieces that changed hands, and pieces that were ordered on either side.
    traded: u64,
    ordered: [u64; 2],
}

impl Book {
    fn buy(&mut self, price: u64, pieces: u64) -> Result<(), ContainerError> {
        self.ordered[0] += pieces;
        let mut rest = pieces;
        while let Some((&offer, &there)) = self.asks.first_key_value()?
            && offer <= price
            && rest > 0
        {
            let taken = rest.min(there);
            rest -= taken;
            self.traded += taken;
            match there - taken {
                0 => drop(self.asks.pop_first()?),
                left => drop(self.asks.insert(offer, left)?),
            }
        }
        if rest > 0 {
            *self.bids.entry(price)?.or_insert(0)? += rest;
        }
        Ok(())
    }

    fn sell(&mut self, price: u64, pieces: u64) -> Result<(), ContainerError> {
        self.ordered[1] += pieces;
        let mut rest = pieces;
        while let Some((&bid, &there)) = self.bids.last_key_value()?
            && bid >= price
            && rest > 0
        {
            let taken = rest.min(there);
            rest -= taken;
            self.traded += taken;
            match there - taken {
                0 => drop(self.bids.pop_last()?),
                left => drop(self.bids.insert(bid, left)?),
            }
        }
        if rest > 0 {
            *self.asks.entry(price)?.or_insert(0)? += rest;
        }
        Ok(())
    }
}

fn trade(heap: &str, trader: u64) -> Result<(), Box<dyn Error>> {
    let heap = SharedHeap::open(heap)?;
    let book = heap.root::<ShmMutex<Book>>("book")?;
    let mut random = trader + 1;
    for _ in 0..ORDERS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (price, pieces) = (900 + (random >> 33) % 200, 1 + (random >> 48) % 9);
        let mut book = book.lock().map_err(|error| error.to_string())?;
        if random >> 63 == 0 { book.buy(price, pieces)? } else { book.sell(price, pieces)? }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    if let [_, heap, trader] = env::args().collect::<Vec<_>>().as_slice() {
        return trade(heap, trader.parse()?);
    }
    let name = format!("order-book.{}", process::id());
    let heap = SharedHeap::create(&name, Size::mib(16))?;
    let book = heap.root_or_create("book", |heap| {
        let (bids, asks) = (ShmBTreeMap::new_in(heap), ShmBTreeMap::new_in(heap));
        Ok(ShmMutex::new_in(Book { bids, asks, traded: 0, ordered: [0; 2] }, heap))
    })?;
    let start =
        |trader: u64| Command::new(env::current_exe()?).args([&name, &trader.to_string()]).spawn();
    for mut trader in (0..TRADERS).map(start).collect::<Result<Vec<_>, _>>()? {
        assert!(trader.wait()?.success(), "a trader failed");
    }
    let book = book.lock().map_err(|error| error.to_string())?;
    let sum = |side: &ShmBTreeMap<u64, u64>| side.values().map(|values| values.sum::<u64>());
    assert_eq!([sum(&book.bids)?, sum(&book.asks)?], book.ordered.map(|all| all - book.traded));
    let best = |level: Option<(&u64, &u64)>| level.map_or(0, |(&price, _)| price);
    println!(
        "{} pieces traded; best bid {}, best ask {}, of {} and {} prices",
        book.traded,
        best(book.bids.last_key_value()?),
        best(book.asks.first_key_value()?),
        book.bids.len(),
        book.asks.len()
    );
    SharedHeap::unlink(&name)?;
    Ok(())
}
