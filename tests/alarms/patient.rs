// A service that is as ill as it is told to be. It is compiled by the tests, with rustc alone, for an image without
// a C library.
//
// `GET /be?WORD+WORD` tells it: `fail`, `slow=700`, `burn`, `eat=58`, `sick`, `die`, `say=words_of_a_line`. A word that
// is not repeated is a health that comes back, but for `eat`: memory stays.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Words = Arc<Mutex<Vec<String>>>;

fn main() {
    let words: Words = Arc::default();
    let told = Arc::clone(&words);
    std::thread::spawn(move || {
        let mut eaten = Vec::new();
        let mut said = Vec::new();
        loop {
            obey(&told, &mut eaten, &mut said);
            std::thread::sleep(Duration::from_millis(40));
        }
    });
    let listener = TcpListener::bind("0.0.0.0:8080").expect("port 8080 is free");
    println!("listening");
    for stream in listener.incoming().flatten() {
        let words = Arc::clone(&words);
        std::thread::spawn(move || answer(stream, &words));
    }
}

fn obey(words: &Words, eaten: &mut Vec<u8>, said: &mut Vec<String>) {
    let now = words.lock().unwrap().clone();
    for word in &now {
        if let Some(line) = word.strip_prefix("say=") {
            if !said.contains(word) {
                println!("{}", line.replace('_', " "));
                said.push(word.clone());
            }
        }
    }
    if let Some(megabytes) = number(words, "eat") {
        if eaten.is_empty() {
            // Written to, or it would not be there.
            *eaten = vec![1; megabytes << 20];
            println!("ate {}", eaten.iter().map(|byte| u64::from(*byte)).sum::<u64>());
        }
    }
    let begun = Instant::now();
    while has(words, "burn") && begun.elapsed() < Duration::from_millis(60) {
        std::hint::black_box(begun);
    }
}

fn has(words: &Words, word: &str) -> bool {
    words.lock().unwrap().iter().any(|known| known == word)
}

fn number(words: &Words, name: &str) -> Option<usize> {
    let words = words.lock().unwrap();
    words
        .iter()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

fn answer(mut stream: TcpStream, words: &Words) {
    loop {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return,
            }
        }
        let head_text = String::from_utf8_lossy(&head).into_owned();
        if let Some(told) = head_text.strip_prefix("GET /be?") {
            let told = told.split(' ').next().unwrap_or_default();
            if told.contains("die") {
                std::process::exit(1);
            }
            *words.lock().unwrap() = told.split('+').map(str::to_owned).collect();
        }
        let is_probe = head.starts_with(b"GET /healthz");
        let is_word = head.starts_with(b"GET /be?");
        let status = match (is_probe || is_word, has(words, "sick"), has(words, "fail")) {
            (true, true, _) if is_probe => "500 Internal Server Error",
            (false, _, true) => "500 Internal Server Error",
            _ => "200 OK",
        };
        if let (false, Some(millis)) = (is_probe || is_word, number(words, "slow")) {
            std::thread::sleep(Duration::from_millis(millis as u64));
        }
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nso\n");
        // The load balancer keeps its connections; whoever gives orders comes anew each time.
        if stream.write_all(answer.as_bytes()).is_err() || is_word {
            return;
        }
    }
}
