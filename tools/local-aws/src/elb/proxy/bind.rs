//! The sockets of listeners.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

/// Ports below this one may need privileges.
const FIRST_UNPRIVILEGED: u16 = 1024;
/// Where a privileged port goes that cannot be had: 80 becomes 8080.
const OFFSET: u16 = 8000;
const BACKLOG: i32 = 4096;

/// Binds a listener's port on the loopback interface.
///
/// A privileged port that cannot be had is bound `OFFSET` higher, or at the next free port above that.
/// `previous` is what an earlier run bound, and tried first, so that addresses survive a restart.
pub(in crate::elb) fn bind(asked: u16, previous: Option<u16>) -> io::Result<TcpListener> {
    if let Some(port) = previous
        && let Ok(listener) = try_bind(port)
    {
        return Ok(listener);
    }
    match try_bind(asked) {
        Err(_unavailable) if asked < FIRST_UNPRIVILEGED => {}
        outcome => return outcome,
    }
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in (asked + OFFSET)..(asked + OFFSET + 1000) {
        match try_bind(port) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn try_bind(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Lets a new process bind at once what the last one has left in TIME_WAIT. Never SO_REUSEPORT, by which
    // two processes would share the port unawares.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_busy_unprivileged_port() {
        let first = try_bind(0).unwrap();
        let port = first.local_addr().unwrap().port();
        assert_eq!(
            bind(port, None).map_err(|error| error.kind()).err(),
            Some(io::ErrorKind::AddrInUse)
        );
        drop(first);
        assert_eq!(bind(port, None).unwrap().local_addr().unwrap().port(), port);
    }

    #[test]
    fn moves_a_privileged_port_that_cannot_be_had() {
        // Held by the test itself, or refused for lack of privileges: either way it cannot be had.
        let held = try_bind(1009);
        let first = bind(1009, None).unwrap();
        let second = bind(1009, None).unwrap();
        let ports = [&first, &second].map(|listener| listener.local_addr().unwrap().port());
        assert!(ports[0] >= 9009 && ports[1] > ports[0], "{ports:?}");
        drop((held, second));
        assert_eq!(
            bind(1009, Some(ports[1]))
                .unwrap()
                .local_addr()
                .unwrap()
                .port(),
            ports[1]
        );
    }
}
