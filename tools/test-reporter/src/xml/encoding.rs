//! UTF-16, which tools on Windows write, as UTF-8.

use std::io::{self, Read};

/// Bytes that are taken from the input at once.
const CHUNK: u64 = 1 << 16;

/// An input as UTF-8 if its first bytes say that it is UTF-16, else as it is.
pub(crate) struct Decoded<R> {
    input: R,
    order: Option<Order>,
    /// An odd byte, or the first half of a character outside the basic plane.
    rest: Vec<u8>,
    ready: Vec<u8>,
    /// How much of `ready` is given away.
    given: usize,
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl<R: Read> Decoded<R> {
    /// Looks at the first bytes.
    pub(crate) fn new(mut input: R) -> io::Result<Self> {
        let mut first = Vec::with_capacity(4);
        (&mut input).take(4).read_to_end(&mut first)?;
        let order = match first.as_slice() {
            [0xff, 0xfe, ..] | [b'<', 0, ..] => Some(Order::Little),
            [0xfe, 0xff, ..] | [0, b'<', ..] => Some(Order::Big),
            _ => None,
        };
        let (rest, ready) = match order {
            Some(_) => (first, Vec::new()),
            None => (Vec::new(), first),
        };
        Ok(Self {
            input,
            order,
            rest,
            ready,
            given: 0,
        })
    }

    fn refill(&mut self, order: Order) -> io::Result<bool> {
        let mut raw = std::mem::take(&mut self.rest);
        let read = (&mut self.input).take(CHUNK).read_to_end(&mut raw)?;
        let at_end = read == 0;
        let mut units: Vec<u16> = raw
            .chunks_exact(2)
            .map(|pair| match order {
                Order::Little => u16::from_le_bytes([pair[0], pair[1]]),
                Order::Big => u16::from_be_bytes([pair[0], pair[1]]),
            })
            .collect();
        let mut used = units.len() * 2;
        if !at_end
            && units
                .last()
                .is_some_and(|unit| (0xd800..0xdc00).contains(unit))
        {
            units.pop();
            used -= 2;
        }
        if !at_end {
            self.rest = raw[used..].to_vec();
        }
        self.ready.clear();
        self.given = 0;
        let mut bytes = [0; 4];
        for c in char::decode_utf16(units) {
            let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.ready
                .extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
        }
        Ok(!at_end)
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            let Some(order) = self.order else {
                return self.input.read(buffer);
            };
            if !self.refill(order)? && self.ready.is_empty() {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.ready.len() - self.given);
        buffer[..count].copy_from_slice(&self.ready[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
