//! Takes requests from servers: one a connection.

use std::io::BufReader;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{self, Sender};
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
                    .spawn(move || answer(&connection, &mailbox))
                    .ok();
            }
        })?;
    Ok(())
}

fn answer(connection: &UnixStream, mailbox: &Sender<Message>) {
    let answer = match receive(&mut BufReader::new(connection)) {
        Ok(Some(request)) => {
            let (reply, answer) = mpsc::channel();
            if mailbox.send(Message::Asked(request, reply)).is_err() {
                return;
            }
            match answer.recv() {
                Ok(answer) => answer,
                Err(_) => return,
            }
        }
        Ok(None) => return,
        Err(error) => Answer::Refused(format!("not a request: {error}")),
    };
    // Fails only if the server has gone, and then nobody waits for it.
    send(connection, &answer).ok();
}
