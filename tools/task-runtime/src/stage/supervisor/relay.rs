//! Carries TCP connections between two networks: the listener is in one, and whoever serves it connects in its own.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

/// A connection's threads hold one buffer and little else, in bytes.
const STACK: usize = 128 * 1024;
const BUFFER: usize = 32 * 1024;
/// How long to wait for descriptors to come free when there are none to accept with.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves for as long as this process lives.
pub(super) fn serve(listener: &TcpListener, target: SocketAddr) {
    loop {
        match listener.accept() {
            Ok((outer, _)) => {
                let outer = Arc::new(outer);
                let accepted = outer.clone();
                if spawn(move || connect(&accepted, target)).is_err() {
                    reset(&outer);
                }
            }
            Err(_) => thread::park_timeout(PAUSE),
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(work)
        .map(drop)
}

/// Connections whose answers may still be on their way out.
static DELIVERIES: Deliveries = Deliveries {
    open: Mutex::new(0),
    changed: Condvar::new(),
};

struct Deliveries {
    open: Mutex<usize>,
    changed: Condvar,
}

impl Deliveries {
    fn open(&self) -> MutexGuard<'_, usize> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Delivery;

impl Delivery {
    fn begin() -> Delivery {
        *DELIVERIES.open() += 1;
        Delivery
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        *DELIVERIES.open() -= 1;
        DELIVERIES.changed.notify_all();
    }
}

/// Waits until everything that the task's programs have sent has left this process, but no longer than `patience`: a
/// program may end right after its last answer, and this process soon after it.
pub(super) fn drain(patience: Duration) {
    let still_open = |open: &mut usize| *open > 0;
    // Whatever is left when time is up goes to clients that do not read.
    drop(
        DELIVERIES
            .changed
            .wait_timeout_while(DELIVERIES.open(), patience, still_open),
    );
}

/// A connection that is refused inside is reset outside, so that no client takes it for an empty answer.
fn connect(outer: &Arc<TcpStream>, target: SocketAddr) {
    let delivery = Delivery::begin();
    let Ok(inner) = TcpStream::connect(target).map(Arc::new) else {
        return reset(outer);
    };
    // Only speed is at stake.
    outer
        .set_nodelay(true)
        .and_then(|()| inner.set_nodelay(true))
        .ok();
    let (from, to) = (inner.clone(), outer.clone());
    let answers = spawn(move || {
        pump(&from, &to);
        drop(delivery);
    });
    match answers {
        Ok(()) => pump(outer, &inner),
        Err(_) => {
            reset(outer);
            reset(&inner);
        }
    }
}

/// One direction, until it ends or breaks. An end is passed on as an end, a break as a reset.
fn pump(from: &TcpStream, to: &TcpStream) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = match (&*from).read(&mut buffer) {
            Ok(0) => return shut(to, Shutdown::Write),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return break_off(from, to),
        };
        let mut to_writer = to;
        if to_writer.write_all(&buffer[..length]).is_err() {
            return break_off(to, from);
        }
    }
}

/// `broken` is dead already. The other one is reset once the opposite direction has noticed and let go of it too.
fn break_off(broken: &TcpStream, other: &TcpStream) {
    reset(other);
    shut(broken, Shutdown::Both);
    shut(other, Shutdown::Read);
}

/// Makes the coming close a reset.
fn reset(stream: &TcpStream) {
    // Fails only on a socket that is dead already.
    setsockopt(
        stream,
        sockopt::Linger,
        &libc::linger {
            l_onoff: 1,
            l_linger: 0,
        },
    )
    .ok();
}

fn shut(stream: &TcpStream, how: Shutdown) {
    // Fails only on a socket that is dead already.
    stream.shutdown(how).ok();
}
