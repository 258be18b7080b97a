//! A broker's HTTP API that says what it was told to say, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

/// Method and path with its query, status, body.
pub type Line = (&'static str, u16, &'static str);

/// The API; it ends with the test's process.
pub struct Scripted {
    address: Option<SocketAddr>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// On a port of its own.
    pub fn on_port(script: &[Line]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (script, asked) = (script.to_vec(), Arc::default());
        let told = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let reader = BufReader::new(stream.try_clone().unwrap());
                serve(reader, stream, &script, &told);
            }
        });
        Self { address: Some(address), asked }
    }

    /// On a Unix socket at `path`.
    pub fn on_socket(path: &Path, script: &[Line]) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let (script, asked) = (script.to_vec(), Arc::default());
        let told = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let reader = BufReader::new(stream.try_clone().unwrap());
                serve(reader, stream, &script, &told);
            }
        });
        Self { address: None, asked }
    }

    /// For `--url`.
    pub fn url(&self) -> String {
        format!("http://guest:guest@{}", self.address.unwrap())
    }

    /// Every request: method, path, body.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers on one connection until it is closed.
fn serve(
    mut reader: BufReader<impl std::io::Read>,
    mut writer: impl Write,
    script: &[Line],
    asked: &Mutex<Vec<String>>,
) {
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or_default() == 0 {
            return;
        }
        let request = first.trim().trim_end_matches(" HTTP/1.1").to_owned();
        let mut length = 0;
        loop {
            let mut field = String::new();
            reader.read_line(&mut field).unwrap();
            if field.trim().is_empty() {
                break;
            }
            if let Some(value) = field.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let line = script.iter().find(|(path, ..)| *path == request);
        let (status, answer) = line
            .map_or((404, r#"{"error":"Object Not Found","reason":"Not Found"}"#), |(_, status, body)| {
                (*status, *body)
            });
        asked
            .lock()
            .unwrap()
            .push(format!("{request} {}", String::from_utf8(body).unwrap()).trim().to_owned());
        let answer =
            format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
