//! `chaos`: kills, pauses and cuts off parts of a Starling under load, and says what it saw.

fn main() {}
