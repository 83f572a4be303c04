//! Takes requests from servers: one a connection.

use std::io::BufReader;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::Sender;
use std::thread;

use super::conductor::Message;
use crate::control::{Answer, receive, send};

/// Serves for as long as this process lives.
pub(super) fn listen(listener: UnixListener, mailbox: Sender<Message>) -> std::io::Result<()> {
    thread::Builder::new()
        .name("requests".to_owned())
        .spawn(move || {
            for connection in listener.incoming().flatten() {
                let mailbox = mailbox.clone();
                // Without a thread the connection closes, and the server sees that it got no answer.
                thread::Builder::new()
                    .spawn(move || hand_over(connection, &mailbox))
                    .ok();
            }
        })?;
    Ok(())
}

/// The conductor answers, and does so before it ends: a thread of its own might come too late.
fn hand_over(connection: UnixStream, mailbox: &Sender<Message>) {
    match receive(&mut BufReader::new(&connection)) {
        // Fails only if the task is over: the connection closes, and the server sees that it got no answer.
        Ok(Some(request)) => {
            mailbox.send(Message::Asked(request, connection)).ok();
        }
        Ok(None) => {}
        Err(error) => reply(
            &connection,
            &Answer::Refused(format!("not a request: {error}")),
        ),
    }
}

/// Fails only if the server has gone, and then nobody waits for it.
pub(super) fn reply(connection: &UnixStream, answer: &Answer) {
    send(connection, answer).ok();
}
