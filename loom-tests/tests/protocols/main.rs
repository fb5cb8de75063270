//! The protocols of core, a module each, in one program: a model takes one processor, the
//! longest of them most of a minute.

mod byte_ring;
mod checkers;
mod chunk_queue;
mod copy_memo;
mod counts;
mod deposit;
mod exchange;
mod fair_lock;
mod frames;
mod latch;
mod lent;
mod meeting;
mod message_table;
mod owners;
mod page_owner;
mod pages;
mod remote_free;
mod ring;
mod robust_lock;
mod rooms;
mod seats;
mod shared_lock;
mod shared_run;
mod signal;
mod slab_claim;
mod slot_claim;
mod task;
mod transit;
mod uses;
mod validity;
mod versions;
